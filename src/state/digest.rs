//! Digest as a client: what peers asked for (RFC 3261 §22.3).
//!
//! A challenge is kept, so that further requests carry credentials at once: its nonce is used again
//! with a rising count until the peer gives another one (RFC 7616 §3.3).

use crate::codec::sip::{Asked, Credentials, HeaderName, Signed};
use crate::{codec, config};

/// Realms of one peer that are kept.
const REALMS: usize = 8;

/// The challenges of one peer that were answered.
#[derive(Debug, Default)]
pub(super) struct Sessions(Vec<Session>);

#[derive(Debug)]
struct Session {
    asked: Asked,
    count: u32,
}

impl Sessions {
    /// A challenge came: the next credentials of its realm answer it.
    pub(super) fn begin(&mut self, asked: Asked) {
        self.0.retain(|known| {
            (known.asked.realm != asked.realm) || (known.asked.header != asked.header)
        });
        if self.0.len() >= REALMS {
            self.0.remove(0);
        }
        self.0.push(Session { asked, count: 0 });
    }

    /// The credentials of a request for all realms that are known. `cnonce` is fresh for each.
    pub(super) fn credentials(
        &mut self,
        accounts: &[config::Account],
        signed: Signed<'_>,
        mut cnonce: impl FnMut() -> String,
    ) -> Vec<(HeaderName, Credentials)> {
        let mut all = Vec::new();
        for session in &mut self.0 {
            let Some(account) = account(accounts, &session.asked.realm) else { continue };
            session.count += 1;
            let account =
                codec::sip::Account { username: &account.username, password: &account.password.0 };
            let credentials = session.asked.answer(account, session.count, &cnonce(), signed);
            all.push((session.asked.header.clone(), credentials));
        }
        all
    }
}

/// The account for a realm: the one that names it, else one that names none.
#[must_use]
pub(super) fn account<'a>(
    accounts: &'a [config::Account],
    realm: &str,
) -> Option<&'a config::Account> {
    let named = accounts.iter().find(|account| account.realm.as_deref() == Some(realm));
    named.or_else(|| accounts.iter().find(|account| account.realm.is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::sip::{Challenge, Method, asked_by};
    use crate::config::{Account, Secret};

    fn challenge(nonce: &str) -> Asked {
        let text = format!("Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\"");
        let challenge = Challenge::parse(&text.into()).unwrap();
        asked_by(HeaderName::Authorization, challenge).unwrap()
    }

    #[test]
    fn a_nonce_is_used_again_with_a_rising_count_until_another_one_comes() {
        let mut sessions = Sessions::default();
        let password = Secret("secret".to_owned());
        let accounts = [Account { realm: None, username: "gw".to_owned(), password }];
        let method = Method::Message;
        let signed = Signed { method: &method, uri: "sip:romeo@sip.test", body: b"" };
        let next = |sessions: &mut Sessions| -> Vec<(String, u32)> {
            let made = sessions.credentials(&accounts, signed, || "c".to_owned());
            made.iter()
                .map(|(_, c)| (c.param("nonce").unwrap().into_owned(), c.nonce_count().unwrap()))
                .collect()
        };
        assert_eq!(next(&mut sessions), []);
        sessions.begin(challenge("one"));
        assert_eq!(next(&mut sessions), [("one".to_owned(), 1)]);
        assert_eq!(next(&mut sessions), [("one".to_owned(), 2)]);
        sessions.begin(challenge("two"));
        assert_eq!(next(&mut sessions), [("two".to_owned(), 1)]);
    }

    #[test]
    fn the_account_that_names_the_realm_comes_first() {
        let of = |realm: Option<&str>, username: &str| Account {
            realm: realm.map(str::to_owned),
            username: username.to_owned(),
            password: Secret(String::new()),
        };
        let accounts = [of(None, "any"), of(Some("r"), "named")];
        let found = |realm| account(&accounts, realm).map(|account| account.username.as_str());
        assert_eq!((found("r"), found("other")), (Some("named"), Some("any")));
        assert!(account(&accounts[1..], "other").is_none());
    }
}
