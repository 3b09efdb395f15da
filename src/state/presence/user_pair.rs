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
    her: Arc<XmppUserNames>,
}

/// The XMPP user, shared by all her pairs.
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
            her: Arc::new(XmppUserNames {
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
            xmpp_user: self.her.user.clone(),
            sip_user_uri: self.sip_user_uri(),
            xmpp_user_uri: self.her.uri.uri(),
        }
    }

    /// The XMPP user: a bare JID.
    #[must_use]
    pub fn xmpp_user(&self) -> &Jid {
        &self.her.user
    }

    /// The SIP user's address of record.
    #[must_use]
    pub fn sip_user_uri(&self) -> Uri {
        self.contact_uri.uri()
    }

    /// Takes what is known of her from another of her pairs, or leaves it for the next.
    pub fn share(&mut self, known: &mut Option<Arc<XmppUserNames>>) {
        let her = known.get_or_insert_with(|| Arc::clone(&self.her));
        if **her == *self.her {
            self.her = Arc::clone(her);
        }
    }
}
