//! Faults of the gateway that are not there, to see that each monitor finds its own.

use stox::flow::Effect;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What a hostile user wrote goes to the server as it came.
    Unescaped,
    /// A bystander's message is lost, comes twice, comes late, is refused.
    Lost,
    Twice,
    Late,
    Refused,
    /// What a bystander shows is shown no more.
    Unseen,
    /// Nothing that is counted has a bound.
    Unbounded,
    /// An answer is longer than a datagram.
    Oversized,
    /// A request goes where its sender wants it.
    Astray,
}

pub(crate) const KINDS: [(Kind, &str); 9] = [
    (Kind::Unescaped, "the server closes the stream"),
    (Kind::Lost, "did not come in time"),
    (Kind::Twice, "came twice"),
    (Kind::Late, "did not come in time"),
    (Kind::Refused, "failed with 480"),
    (Kind::Unseen, "does not see state"),
    (Kind::Unbounded, "the core holds too much"),
    (Kind::Oversized, "are the bound"),
    (Kind::Astray, "which is no peer"),
];

fn has(octets: &[u8], words: &str) -> bool {
    octets.windows(words.len()).any(|window| window == words.as_bytes())
}

/// What becomes of an effect; the second effect comes much later.
pub(super) fn bend(kind: Kind, effect: Effect) -> (Vec<Effect>, Option<Effect>) {
    let bent = match effect {
        Effect::Xmpp { link, octets } if kind == Kind::Unescaped && has(&octets, "from='sh") => {
            let octets = [&octets[..], b"<"].concat().into();
            Effect::Xmpp { link, octets }
        }
        Effect::Xmpp { octets, .. } if kind == Kind::Unseen && has(&octets, "<status>n") => {
            return (Vec::new(), None);
        }
        Effect::Xmpp { link, octets } if kind == Kind::Twice && has(&octets, "<body>y") => {
            let again = Effect::Xmpp { link, octets: octets.clone() };
            return (vec![Effect::Xmpp { link, octets }, again], None);
        }
        Effect::Xmpp { octets, .. } if kind == Kind::Lost && has(&octets, "<body>y") => {
            return (Vec::new(), None);
        }
        Effect::Sip { hop, octets } if kind == Kind::Late && has(&octets, "MESSAGE sip:rb") => {
            return (Vec::new(), Some(Effect::Sip { hop, octets }));
        }
        Effect::Sip { hop, octets } if kind == Kind::Refused && has(&octets, "From: <sip:rb") => {
            let text =
                String::from_utf8_lossy(&octets).replacen("SIP/2.0 200 OK", "SIP/2.0 480 No", 1);
            Effect::Sip { hop, octets: text.into() }
        }
        Effect::Sip { hop, octets }
            if kind == Kind::Oversized && octets.starts_with(b"SIP/2.0 ") =>
        {
            let long = [&octets[..], &[b'x'; 140_000]].concat();
            Effect::Sip { hop, octets: long.into() }
        }
        Effect::Sip { mut hop, octets }
            if kind == Kind::Astray && octets.starts_with(b"MESSAGE") =>
        {
            hop.remote = ([192, 0, 2, 66], 5060).into();
            Effect::Sip { hop, octets }
        }
        other => other,
    };
    (vec![bent], None)
}
