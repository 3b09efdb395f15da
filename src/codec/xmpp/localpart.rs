//! The localpart of an address, RFC 7622 §3.3.

use std::borrow::Cow;

use jid::NodePart;
use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::{Profile, Rules};

use super::jid::{JidError, MAX_PART, MAX_UNMAPPED};
use super::jid_escaping;
use crate::codec::xml::Text;

/// Localpart for a SIP user: what is left of the URI's user part after
/// percent-decoding, mapped (width, case, NFC), escaped (XEP-0106), enforced
/// as UsernameCaseMapped (RFC 8265 §3.3) and put into the form XMPP servers
/// use.
///
/// Mapping comes before escaping, because it may create separators and escape
/// sequences.
///
/// # Errors
/// If no localpart can stand for this user.
pub fn localpart_from_user(user: &str) -> Result<Text, JidError> {
    if !user.is_empty() && user.len() <= MAX_PART && user.bytes().all(is_plain_local) {
        return Ok(Text::from(user));
    }
    if user.len() > MAX_UNMAPPED {
        return Err(JidError::Length);
    }
    let profile = UsernameCaseMapped::new();
    let mapped = profile
        .width_mapping_rule(user)
        .and_then(|s| profile.case_mapping_rule(s))
        .and_then(|s| profile.normalization_rule(s))
        .map_err(|_| JidError::Localpart)?;
    let escaped = jid_escaping::escape(&mapped)?;
    if escaped.is_empty() || escaped.len() > MAX_PART {
        return Err(JidError::Length);
    }
    let enforced = profile.enforce(escaped.as_ref()).map_err(|_| JidError::Localpart)?;
    let prepared = prepare_local(&enforced)?;
    // What the servers' case folding changes (ß to ss) must not make or break
    // an escape sequence.
    let sequences = |s: &str| s.len() - jid_escaping::unescape(s).len();
    if matches!(prepared, Cow::Owned(_)) && sequences(&prepared) != sequences(&enforced) {
        return Err(JidError::Localpart);
    }
    Ok(Text::from(prepared.as_ref()))
}

/// Canonicalises as XMPP servers do: nodeprep, which the localpart profile of
/// RFC 7622 §3.3 has replaced on paper.
pub(super) fn prepare_local(local: &str) -> Result<Cow<'_, str>, JidError> {
    if local.is_empty() || local.len() > MAX_UNMAPPED {
        return Err(JidError::Length);
    }
    if local.len() <= MAX_PART && local.bytes().all(is_plain_local) {
        return Ok(Cow::Borrowed(local));
    }
    match NodePart::new(local) {
        Ok(Cow::Borrowed(_)) => Ok(Cow::Borrowed(local)),
        Ok(Cow::Owned(node)) => {
            // Nodeprep folds case before it normalises, so that a character which is newer than
            // its tables may need both once more.
            let node = node.into_inner();
            match NodePart::new(&node) {
                Ok(again) if again.as_str() == node => Ok(Cow::Owned(node)),
                Ok(again) => Ok(Cow::Owned(again.as_str().to_owned())),
                Err(_) => Err(JidError::Localpart),
            }
        }
        Err(jid::Error::NodeEmpty | jid::Error::NodeTooLong) => Err(JidError::Length),
        Err(_) => Err(JidError::Localpart),
    }
}

/// Octets that nodeprep and UsernameCaseMapped leave alone and XEP-0106 does
/// not touch.
pub(super) const fn is_plain_local(b: u8) -> bool {
    matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'!' | b'#'..=b'%' | b'('..=b'.' | b';' | b'='
        | b'?' | b'['  | b']'..=b'`' | b'{'..=b'~')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::xmpp::Jid;
    use proptest::prelude::*;

    fn local(user: &str) -> Result<String, JidError> {
        localpart_from_user(user).map(|text| text.to_string())
    }

    #[test]
    fn addr_006_look_ahead_is_on_the_mapped_string() {
        assert_eq!(local("\\2Fx").unwrap(), "\\5c2fx");
    }

    #[test]
    fn addr_007_upper_case_look_alikes_never_become_escapes() {
        assert_eq!(local("\\3Ax").unwrap(), "\\5c3ax");
    }

    #[test]
    fn addr_008_space_at_an_edge_has_no_jid() {
        assert_eq!(local(" foo"), Err(JidError::SpaceAtEdge));
        assert_eq!(local("foo "), Err(JidError::SpaceAtEdge));
    }

    #[test]
    fn addr_014_what_precis_refuses_has_no_jid() {
        for user in
            ["\u{265A}", "henry\u{2163}", "a\0b", "a\u{7f}", "a\u{AD}b", "\u{FB01}n", "\u{5D0}1a"]
        {
            assert_eq!(local(user), Err(JidError::Localpart), "{user:?}");
        }
    }

    #[test]
    fn addr_072_mapping_comes_before_escaping() {
        assert_eq!(local("\\2Fx").unwrap(), "\\5c2fx");
        assert_eq!(local("\u{FF3C}27").unwrap(), "\\5c27");
        assert_eq!(local("a\u{FF20}b").unwrap(), "a\\40b");
    }

    #[test]
    fn sec_033_confusables_stay_apart() {
        assert_ne!(local("\u{430}dmin").unwrap(), local("admin").unwrap());
    }

    proptest! {
        #[test]
        fn localparts_from_users_are_legal_and_stable(s in "\\PC{1,12}|[ -~]{1,16}|[a-f\\\\0-9\u{FF3C}\u{FF20}A-F]{1,12}") {
            if let Ok(local) = localpart_from_user(&s) {
                let jid = Jid::from_parts(Some(&local), "h", None).unwrap();
                prop_assert_eq!(jid.node(), Some(&*local));
                let again = localpart_from_user(&jid_escaping::unescape(&local)).unwrap();
                prop_assert_eq!(again, local);
            }
        }
    }
}
