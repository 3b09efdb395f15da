//! A dialog that a subscription made (RFC 3261 §12, RFC 6665 §4.4.1).

use serde::{Deserialize, Serialize};

use crate::codec::sip::{CallId, HeaderName, NameAddr, Request, Uri, detach};
use crate::flow::RouteSet;

/// CSeq numbers that are reserved at a time: after a crash the next one is above all that may have
/// been used.
const RESERVED: u32 = 64;

/// One dialog. Before the other side's tag is known it is but a place for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    /// The Call-ID.
    pub call_id: CallId,
    /// Our tag.
    pub local_tag: String,
    /// The CSeq of our last request; 0 before the first.
    pub local_cseq: u32,
    /// Up to here CSeq numbers may be used without being stored again.
    pub ceiling: u32,
    /// The other side, once it has spoken.
    pub remote: Option<Remote>,
    /// How the other side wrote itself when it made the dialog, if not as its JID is mapped: its
    /// requests are addressed so (RFC 3261 §12.1.1).
    pub remote_uri: Option<Uri>,
}

/// What the other side told of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Its tag.
    pub tag: String,
    /// Where requests for it go: its last Contact.
    pub target: Uri,
    /// The way there (RFC 3261 §12.1.1).
    pub routes: RouteSet,
    /// The CSeq of its last request.
    pub cseq: u32,
}

/// What CSeq a request in the dialog has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// A later one than all before.
    Next,
    /// The last one once more, by another path.
    Again,
    /// An earlier one (RFC 3261 §12.2.2): it is answered 500.
    Old,
    /// Another side than the dialog's: a fork (RFC 3856 §6.9).
    Foreign,
}

impl Dialog {
    /// A dialog that has no other side yet.
    #[must_use]
    pub fn new(call_id: CallId, local_tag: String) -> Self {
        Dialog { call_id, local_tag, local_cseq: 0, ceiling: 0, remote: None, remote_uri: None }
    }

    /// Whether the other side is known.
    #[must_use]
    pub fn is_established(&self) -> bool {
        self.remote.is_some()
    }

    /// The CSeq of our next request; the second answer is whether a new reservation must be
    /// stored before it is used.
    pub fn next_cseq(&mut self) -> (u32, bool) {
        self.local_cseq += 1;
        let over = self.local_cseq > self.ceiling;
        if over {
            self.ceiling = self.local_cseq + RESERVED;
        }
        (self.local_cseq, over)
    }

    /// Where a request of the other side stands.
    #[must_use]
    pub fn order(&self, request: &Request) -> Order {
        match &self.remote {
            None => Order::Next,
            Some(remote) if request.from.tag() != Some(&remote.tag) => Order::Foreign,
            Some(remote) if request.cseq.number < remote.cseq => Order::Old,
            Some(remote) if request.cseq.number == remote.cseq => Order::Again,
            Some(_) => Order::Next,
        }
    }

    /// Takes in a request of the other side that is accepted: the first makes the dialog, each
    /// refreshes its target (RFC 6665 §3.1, §3.2).
    pub fn take(&mut self, request: &Request, contact: Option<&Uri>) {
        match &mut self.remote {
            Some(remote) => {
                remote.cseq = request.cseq.number;
                if let Some(contact) = contact {
                    remote.target = contact.detached();
                }
            }
            None => {
                let route = |item| NameAddr::parse(detach(&item)).ok();
                let recorded = request.headers.shared_items(&HeaderName::RecordRoute);
                self.remote = Some(Remote {
                    tag: request.from.tag().unwrap_or_default().to_owned(),
                    target: contact.unwrap_or_else(|| request.from.uri()).detached(),
                    // As a UAS has it: in the order of the request.
                    routes: recorded.filter_map(route).collect(),
                    cseq: request.cseq.number,
                });
            }
        }
    }
}

/// A dialog as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredDialog {
    call_id: String,
    local_tag: String,
    ceiling: u32,
    remote: Option<StoredRemote>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remote_uri: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredRemote {
    tag: String,
    target: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    routes: Vec<String>,
    cseq: u32,
}

impl From<&Dialog> for StoredDialog {
    fn from(dialog: &Dialog) -> Self {
        let remote = dialog.remote.as_ref().map(|remote| StoredRemote {
            tag: remote.tag.clone(),
            target: remote.target.as_str().to_owned(),
            routes: remote.routes.iter().map(|route| route.to_value().to_text().into()).collect(),
            cseq: remote.cseq,
        });
        StoredDialog {
            call_id: dialog.call_id.as_str().to_owned(),
            local_tag: dialog.local_tag.clone(),
            ceiling: dialog.ceiling,
            remote,
            remote_uri: dialog.remote_uri.as_ref().map(|uri| uri.as_str().to_owned()),
        }
    }
}

impl StoredDialog {
    /// The dialog of an earlier process: its next CSeq is above all that may have been used.
    #[must_use]
    pub fn restore(self) -> Option<Dialog> {
        let remote = match self.remote {
            None => None,
            Some(stored) => Some(Remote {
                tag: stored.tag,
                target: Uri::parse(stored.target.into()).ok()?,
                routes: stored
                    .routes
                    .into_iter()
                    .map(|route| NameAddr::parse(route.into()).ok())
                    .collect::<Option<RouteSet>>()?,
                cseq: stored.cseq,
            }),
        };
        Some(Dialog {
            call_id: CallId::new(self.call_id.into()).ok()?,
            local_tag: self.local_tag,
            local_cseq: self.ceiling,
            ceiling: self.ceiling,
            remote,
            remote_uri: match self.remote_uri {
                None => None,
                Some(uri) => Some(Uri::parse(uri.into()).ok()?),
            },
        })
    }
}
