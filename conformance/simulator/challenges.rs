//! Proxies and devices that ask the gateway for credentials (RFC 3261 §22, RFC 7616).

use std::collections::{BTreeMap, BTreeSet};

use stox::codec::sip::{Account, Challenge, Credentials, HeaderName, Request, Signed, asked_by};

use crate::dice::Dice;
use crate::stage::Stage;
use crate::words::{number, text_of};

pub(crate) const USERNAME: &str = "gateway";
/// A realm with the password that the settings have for it: right, or wrong.
pub(crate) const PASSWORDS: [(&str, &str); 3] =
    [("sip.test", "pass"), ("home.test", "other"), ("closed.test", "mistaken")];
const RIGHT: [(&str, &str); 4] = [
    ("sip.test", "pass"),
    ("home.test", "other"),
    ("closed.test", "correct"),
    ("foreign.test", "unknown"),
];

/// How a seed's proxies ask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking {
    pub(crate) algorithm: &'static str,
    pub(crate) qop: Option<&'static str>,
    /// So many requests may use one nonce.
    pub(crate) uses: u32,
}

/// Who asks for what before a user is reached: 407 the proxy, 401 the device.
fn asked_for(user: &str) -> &'static [(u16, &'static str)] {
    match user {
        "benvolio" | "tybalt" => &[(407, "sip.test"), (401, "home.test")],
        "mercutio" | "peter" => &[(401, "home.test")],
        "balthasar" | "paris" => &[(401, "closed.test")],
        "sampson" | "gregory" => &[(407, "foreign.test")],
        _ => &[(407, "sip.test")],
    }
}

#[derive(Debug)]
struct Nonce {
    realm: &'static str,
    used: BTreeSet<u32>,
    uses: u32,
}

/// The nonces of all realms; the proxies share them.
#[derive(Debug)]
pub(crate) struct Gate {
    asking: Option<Asking>,
    nonces: BTreeMap<String, Nonce>,
    dice: Dice,
}

/// What a request without the right credentials is answered.
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) challenge: String,
}

impl Gate {
    pub(crate) fn new(asking: Option<Asking>, dice: Dice) -> Self {
        Gate { asking, nonces: BTreeMap::new(), dice }
    }

    /// Whether a request may pass.
    pub(crate) fn admit(&mut self, stage: &mut Stage, request: &Request) -> Result<(), Refused> {
        let Some(asking) = self.asking else { return Ok(()) };
        for (status, realm) in asked_for(request.uri.user().unwrap_or_default()) {
            let stale = match self.check(stage, asking, request, *status, realm) {
                Verdict::Right => continue,
                Verdict::Stale => true,
                Verdict::None | Verdict::Wrong => false,
            };
            stage.coverage.hit(&format!("sip.asked_by_{status}"));
            let nonce = format!("{:016x}", self.dice.number());
            let challenge = challenge(asking, realm, &nonce, stale);
            self.nonces.insert(nonce, Nonce { realm, used: BTreeSet::new(), uses: 0 });
            return Err(Refused { status: *status, challenge });
        }
        Ok(())
    }

    fn check(
        &mut self,
        stage: &mut Stage,
        asking: Asking,
        request: &Request,
        status: u16,
        realm: &'static str,
    ) -> Verdict {
        let header = match status {
            401 => HeaderName::Authorization,
            _ => HeaderName::ProxyAuthorization,
        };
        let given = request.headers.all(&header).filter_map(|value| {
            let credentials = Credentials::parse(value.as_text()?).ok()?;
            (credentials.param("realm").as_deref() == Some(realm)).then_some(credentials)
        });
        let Some(given) = given.last() else { return Verdict::None };
        let param = |name| given.param(name).unwrap_or_default().into_owned();
        let nonce = param("nonce");
        let Some(known) = self.nonces.get_mut(&nonce).filter(|known| known.realm == realm) else {
            return Verdict::Wrong;
        };
        let count = given.nonce_count().unwrap_or_default();
        let password = RIGHT.iter().find(|(known, _)| *known == realm).map_or("", |(_, it)| it);
        let expected =
            expected(asking, (realm, &nonce, password), request, header, (count, &param("cnonce")));
        if param("response") != expected || param("uri") != request.uri.as_str() {
            stage.coverage.hit("sip.wrong_credentials");
            return Verdict::Wrong;
        }
        if asking.qop.is_some() && !known.used.insert(count) {
            return replayed(stage, request);
        }
        known.uses += 1;
        if known.uses > asking.uses {
            stage.coverage.hit("sip.stale_nonce");
            return Verdict::Stale;
        }
        stage.coverage.hit("sip.right_credentials");
        Verdict::Right
    }
}

enum Verdict {
    Right,
    Stale,
    Wrong,
    None,
}

/// Credentials come again in another request. A process may answer a challenge that the one before
/// it had answered with its last steps.
fn replayed(stage: &mut Stage, request: &Request) -> Verdict {
    stage.coverage.hit("sip.credentials_again");
    let number = number(&text_of(&request.body), 'x').unwrap_or(u32::MAX);
    let explained = stage.ledger.to_sip.iter().any(|message| message.taken_ups > 0);
    stage.demand(explained, || format!("x{number}: credentials used twice"));
    Verdict::Stale
}

fn challenge(asking: Asking, realm: &str, nonce: &str, stale: bool) -> String {
    let Asking { algorithm, qop, .. } = asking;
    let qop = qop.map(|qop| format!(", qop=\"{qop}\"")).unwrap_or_default();
    let stale = if stale { ", stale=true" } else { "" };
    format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm={algorithm}{qop}{stale}")
}

/// The response that the right password makes.
fn expected(
    asking: Asking,
    (realm, nonce, password): (&str, &str, &str),
    request: &Request,
    header: HeaderName,
    (count, cnonce): (u32, &str),
) -> String {
    let text = challenge(asking, realm, nonce, false);
    let asked = Challenge::parse(&text.into()).ok().and_then(|it| asked_by(header, it));
    let account = Account { username: USERNAME, password };
    let uri = request.uri.as_str();
    let signed = Signed { method: &request.method, uri, body: &request.body };
    let made = asked.map(|asked| asked.answer(account, count, cnonce, signed));
    made.and_then(|made| made.param("response").map(|it| it.into_owned())).unwrap_or_default()
}
