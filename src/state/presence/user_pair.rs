//! How a pair of users is kept: perhaps a million times, so that what many have in common is
//! there once.

use std::sync::Arc;

use crate::codec::sip::{KeptUri, Uri};
use crate::codec::xmpp::Jid;
use crate::flow::{LinkId, PairId, UserPair};

/// The two users of a pair.
#[derive(Debug)]
pub struct PairNames {
    /// Its name in the tables.
    pub id: PairId,
    /// The stream that the SIP user's stanzas go by.
    pub link: LinkId,
    /// The SIP user: a bare JID.
    pub contact: Jid,
    contact_uri: KeptUri,
    xmpp_user: Arc<XmppUserNames>,
}

/// The XMPP user, shared by all pairs of the same one.
#[derive(Debug, PartialEq, Eq)]
pub struct XmppUserNames {
    user: Jid,
    uri: KeptUri,
}

impl PairNames {
    /// The names of a pair.
    #[must_use]
    pub fn new(pair: &UserPair) -> Self {
        PairNames {
            id: pair.id,
            link: pair.link,
            contact: pair.sip_user.clone(),
            contact_uri: pair.sip_user_uri.kept(),
            xmpp_user: Arc::new(XmppUserNames {
                user: pair.xmpp_user.clone(),
                uri: pair.xmpp_user_uri.kept(),
            }),
        }
    }

    /// The pair.
    #[must_use]
    pub fn pair(&self) -> UserPair {
        UserPair {
            id: self.id,
            link: self.link,
            sip_user: self.contact.clone(),
            xmpp_user: self.xmpp_user.user.clone(),
            sip_user_uri: self.sip_user_uri(),
            xmpp_user_uri: self.xmpp_user.uri.uri(),
        }
    }

    /// The XMPP user: a bare JID.
    #[must_use]
    pub fn xmpp_user(&self) -> &Jid {
        &self.xmpp_user.user
    }

    /// The SIP user's address of record.
    #[must_use]
    pub fn sip_user_uri(&self) -> Uri {
        self.contact_uri.uri()
    }

    /// Takes the XMPP user's names that another pair left here, or leaves its own.
    pub fn share(&mut self, known: &mut Option<Arc<XmppUserNames>>) {
        let names = known.get_or_insert_with(|| Arc::clone(&self.xmpp_user));
        if **names == *self.xmpp_user {
            self.xmpp_user = Arc::clone(names);
        }
    }
}
