//! A dialog that a subscription made (RFC 3261 §12, RFC 6665 §4.4.1).

use serde::{Deserialize, Serialize};

use crate::codec::sip::{CallId, HeaderName, NameAddr, Request, Uri};
use crate::flow::Remote;

/// CSeq numbers that are reserved at a time: after a crash the next one is above all that may have
/// been used.
const RESERVED: u32 = 64;

/// One dialog. Before the other side has sent a request it is but a place for one: a NOTIFY makes it
/// (RFC 6665 §4.4.1). What a 2xx to SUBSCRIBE says of the other side is known sooner.
///
/// There may be a million of them: their texts are one allocation, parsed when a request is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    texts: Box<str>,
    /// Where each text ends.
    ends: [u32; PARTS],
    /// The CSeq of stox's last request; 0 before the first.
    pub local_cseq: u32,
    /// Up to here CSeq numbers may be used without being stored again.
    pub ceiling: u32,
    /// The CSeq of the other side's last request, once it has spoken.
    remote_cseq: Option<u32>,
}

/// The texts of a dialog, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    CallId,
    LocalTag,
    RemoteTag,
    /// Where requests for the other side go, the remote target: its last Contact; empty where it
    /// has named none.
    Target,
    /// The route set (RFC 3261 §12.1.1), a line for each hop.
    Routes,
    /// How the other side wrote itself when it made the dialog, if not as its JID is mapped: its
    /// requests are addressed so (RFC 3261 §12.1.1).
    RemoteUri,
}

const PARTS: usize = 6;

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
    pub fn new(call_id: &str, local_tag: &str) -> Self {
        Dialog::of([call_id, local_tag, "", "", "", ""])
    }

    fn of(parts: [&str; PARTS]) -> Self {
        let mut end = 0;
        let ends = parts.map(|part| {
            end += u32::try_from(part.len()).unwrap_or(u32::MAX);
            end
        });
        let texts = parts.concat().into_boxed_str();
        Dialog { texts, ends, local_cseq: 0, ceiling: 0, remote_cseq: None }
    }

    fn part(&self, part: Part) -> &str {
        let index = part as usize;
        let begin = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.texts.get(begin as usize..self.ends[index] as usize).unwrap_or_default()
    }

    /// Changes some of its texts.
    fn set(&mut self, changes: &[(Part, &str)]) {
        let all = [
            Part::CallId,
            Part::LocalTag,
            Part::RemoteTag,
            Part::Target,
            Part::Routes,
            Part::RemoteUri,
        ];
        let made = Dialog::of(all.map(|part| {
            let change = changes.iter().find(|(changed, _)| *changed == part);
            change.map_or_else(|| self.part(part), |(_, text)| text)
        }));
        (self.texts, self.ends) = (made.texts, made.ends);
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        self.part(Part::CallId)
    }

    /// The local tag: stox's.
    #[must_use]
    pub fn local_tag(&self) -> &str {
        self.part(Part::LocalTag)
    }

    /// The other side's tag, once it has spoken.
    #[must_use]
    pub fn remote_tag(&self) -> Option<&str> {
        let tag = self.part(Part::RemoteTag);
        (self.is_established() || !tag.is_empty()).then_some(tag)
    }

    /// Where requests for the other side go, if it has named a Contact.
    #[must_use]
    pub fn target(&self) -> Option<Uri> {
        Uri::parse(self.part(Part::Target).into()).ok()
    }

    /// The route set.
    pub fn routes(&self) -> impl Iterator<Item = NameAddr> + '_ {
        self.part(Part::Routes).lines().filter_map(|line| NameAddr::parse(line.into()).ok())
    }

    /// How the other side wrote itself, if not as its JID is mapped.
    #[must_use]
    pub fn remote_uri(&self) -> Option<Uri> {
        let text = self.part(Part::RemoteUri);
        (!text.is_empty()).then(|| Uri::parse(text.into()).ok())?
    }

    /// Sets how the other side wrote itself.
    pub fn set_remote_uri(&mut self, uri: &Uri) {
        self.set(&[(Part::RemoteUri, uri.as_str())]);
    }

    /// Whether the other side is known.
    #[must_use]
    pub fn is_established(&self) -> bool {
        self.remote_cseq.is_some()
    }

    /// The CSeq of stox's next request; the second value is whether a new reservation must be
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
        let Some(last) = self.remote_cseq else { return Order::Next };
        if request.from.tag() != self.remote_tag() {
            return Order::Foreign;
        }
        match request.cseq.number.cmp(&last) {
            std::cmp::Ordering::Less => Order::Old,
            std::cmp::Ordering::Equal => Order::Again,
            std::cmp::Ordering::Greater => Order::Next,
        }
    }

    /// Takes in a request of the other side that is accepted: the first makes the dialog, each
    /// refreshes its target (RFC 6665 §3.1, §3.2).
    pub fn take(&mut self, request: &Request, contact: Option<&Uri>) {
        let first = self.remote_cseq.replace(request.cseq.number).is_none();
        if first {
            // As a UAS has it: in the order of the request.
            let recorded = request.headers.shared_items(&HeaderName::RecordRoute);
            let routes: Vec<String> = recorded
                .filter(|item| NameAddr::parse(item.clone()).is_ok())
                .map(|item| item.to_string())
                .collect();
            let tag = request.from.tag().unwrap_or_default();
            let answered = self.part(Part::RemoteTag) == tag;
            let known = if answered { self.part(Part::Target) } else { "" };
            let target = contact.map_or(known, Uri::as_str).to_owned();
            return self.set(&[
                (Part::RemoteTag, tag),
                (Part::Target, &target),
                (Part::Routes, &routes.join("\n")),
            ]);
        }
        if let Some(contact) = contact.filter(|contact| contact.as_str() != self.part(Part::Target))
        {
            self.set(&[(Part::Target, contact.as_str())]);
        }
    }

    /// Takes in a 2xx to a SUBSCRIBE of stox. Before a NOTIFY has made the dialog all counts that
    /// it says. Then it is its Contact alone: one that is `newer` than the last NOTIFY
    /// (RFC 3261 §12.2.1.2), and one that was missing (§12.1.2): a NOTIFY may have none.
    ///
    /// COMPAT: liblinphone 5.1 writes no Contact into NOTIFY.
    pub fn answered(&mut self, remote: &Remote, newer: bool) {
        let target = remote.target.as_ref().map(Uri::as_str);
        if !self.is_established() {
            return self.set(&[
                (Part::RemoteTag, &remote.tag),
                (Part::Target, target.unwrap_or_default()),
                (Part::Routes, &remote.routes.join("\n")),
            ]);
        }
        let same = self.part(Part::RemoteTag) == &*remote.tag;
        let wanted = newer || self.part(Part::Target).is_empty();
        if let Some(target) = target.filter(|_| same && wanted) {
            self.set(&[(Part::Target, target)]);
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
    /// None before it has sent a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cseq: Option<u32>,
}

impl From<&Dialog> for StoredDialog {
    fn from(dialog: &Dialog) -> Self {
        let cseq = dialog.remote_cseq;
        let remote = dialog.remote_tag().map(|tag| StoredRemote {
            tag: tag.to_owned(),
            target: dialog.part(Part::Target).to_owned(),
            routes: dialog.part(Part::Routes).lines().map(str::to_owned).collect(),
            cseq,
        });
        let remote_uri = dialog.part(Part::RemoteUri);
        StoredDialog {
            call_id: dialog.call_id().to_owned(),
            local_tag: dialog.local_tag().to_owned(),
            ceiling: dialog.ceiling,
            remote,
            remote_uri: (!remote_uri.is_empty()).then(|| remote_uri.to_owned()),
        }
    }
}

impl StoredDialog {
    /// The dialog of an earlier process: its next CSeq is above all that may have been used. None
    /// if a text of it is not what it should be.
    #[must_use]
    pub fn restore(self) -> Option<Dialog> {
        CallId::new(self.call_id.as_str().into()).ok()?;
        let mut dialog = Dialog::new(&self.call_id, &self.local_tag);
        (dialog.local_cseq, dialog.ceiling) = (self.ceiling, self.ceiling);
        if let Some(uri) = &self.remote_uri {
            dialog.set_remote_uri(&Uri::parse(uri.as_str().into()).ok()?);
        }
        if let Some(remote) = &self.remote {
            if !remote.target.is_empty() {
                Uri::parse(remote.target.as_str().into()).ok()?;
            }
            for route in &remote.routes {
                NameAddr::parse(route.as_str().into()).ok()?;
            }
            dialog.set(&[
                (Part::RemoteTag, &remote.tag),
                (Part::Target, &remote.target),
                (Part::Routes, &remote.routes.join("\n")),
            ]);
            dialog.remote_cseq = remote.cseq;
        }
        Some(dialog)
    }
}
