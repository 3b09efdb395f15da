//! What digest credentials are computed of (RFC 3261 §22, RFC 7616 §3.4, RFC 8760).

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};

use super::{Challenge, Credentials, HeaderName, Method, Response};

/// Realms of one response that are looked at.
const REALMS: usize = 8;

/// A challenge that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The header that the answer goes into.
    pub header: HeaderName,
    /// The realm.
    pub realm: String,
    /// Whether only the nonce was too old.
    pub stale: bool,
    challenge: Challenge,
    algorithm: Algorithm,
    qop: Option<Qop>,
}

/// RFC 8760 §2.3; RFC 7616 §3.4.2 for the session variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Algorithm {
    hash: Hash,
    session: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha256,
    Sha512Of256,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Qop {
    Auth,
    AuthInt,
}

impl Qop {
    fn name(self) -> &'static str {
        match self {
            Qop::Auth => "auth",
            Qop::AuthInt => "auth-int",
        }
    }
}

/// The challenges of a 401 or 407 that can be answered: of each realm the topmost one whose
/// algorithm and quality of protection are known (RFC 8760 §2.4).
#[must_use]
pub fn asked(response: &Response) -> Vec<Asked> {
    let (from, header) = match response.status.code() {
        401 => (HeaderName::WwwAuthenticate, HeaderName::Authorization),
        407 => (HeaderName::ProxyAuthenticate, HeaderName::ProxyAuthorization),
        _ => return Vec::new(),
    };
    let mut all: Vec<Asked> = Vec::new();
    for challenge in response.headers.challenges(&from).flatten() {
        let Some(asked) = asked_by(header.clone(), challenge) else { continue };
        if all.len() < REALMS && all.iter().all(|known| known.realm != asked.realm) {
            all.push(asked);
        }
    }
    all
}

/// One challenge, if it can be answered; `header` is where the answer goes.
#[must_use]
pub fn asked_by(header: HeaderName, challenge: Challenge) -> Option<Asked> {
    let realm = challenge.param("realm").filter(|_| challenge.is_digest())?.into_owned();
    challenge.param("nonce")?;
    let algorithm = Algorithm::named(challenge.param("algorithm").as_deref())?;
    let qop = match challenge.param("qop") {
        None => None,
        Some(_) if challenge.offers_qop("auth") => Some(Qop::Auth),
        Some(_) if challenge.offers_qop("auth-int") => Some(Qop::AuthInt),
        Some(_) => return None,
    };
    let stale = challenge.is_stale();
    Some(Asked { header, realm, stale, challenge, algorithm, qop })
}

impl Asked {
    /// The credentials that answer it. `count` is how often its nonce was used, with this time;
    /// `cnonce` is fresh each time.
    #[must_use]
    pub fn answer(
        &self,
        account: Account<'_>,
        count: u32,
        cnonce: &str,
        signed: Signed<'_>,
    ) -> Credentials {
        answer(self, account, count, cnonce, signed)
    }
}

impl Algorithm {
    fn named(name: Option<&str>) -> Option<Algorithm> {
        let name = name.unwrap_or("MD5").to_ascii_uppercase();
        let (hash, session) = match name.strip_suffix("-SESS") {
            Some(hash) => (hash, true),
            None => (name.as_str(), false),
        };
        let hash = match hash {
            "MD5" => Hash::Md5,
            "SHA-256" => Hash::Sha256,
            "SHA-512-256" => Hash::Sha512Of256,
            _ => return None,
        };
        Some(Algorithm { hash, session })
    }

    fn hex(self, parts: &[&[u8]]) -> String {
        match self.hash {
            Hash::Md5 => hex::<Md5>(parts),
            Hash::Sha256 => hex::<Sha256>(parts),
            Hash::Sha512Of256 => hex::<Sha512_256>(parts),
        }
    }
}

/// The hash of parts joined by colons, in lower-case hexadecimal digits.
fn hex<D: Digest>(parts: &[&[u8]]) -> String {
    let mut hash = D::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    hash.finalize().iter().map(|octet| format!("{octet:02x}")).collect()
}

/// What is signed of a request.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The method.
    pub method: &'a Method,
    /// The Request-URI, as it is written.
    pub uri: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// Who answers a challenge.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    /// The user name.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
}

/// RFC 7616 §3.4: the value of Authorization or Proxy-Authorization. `count` is how often the
/// nonce was used, with this time; `cnonce` is fresh each time.
fn answer(
    asked: &Asked,
    account: Account<'_>,
    count: u32,
    cnonce: &str,
    signed: Signed<'_>,
) -> Credentials {
    let Asked { realm, challenge, algorithm, qop, .. } = asked;
    let nonce = challenge.param("nonce").unwrap_or_default();
    let uri = signed.uri;
    let hex = |parts: &[&[u8]]| algorithm.hex(parts);
    let mut secret =
        hex(&[account.username.as_bytes(), realm.as_bytes(), account.password.as_bytes()]);
    if algorithm.session {
        secret = hex(&[secret.as_bytes(), nonce.as_bytes(), cnonce.as_bytes()]);
    }
    let method = signed.method.as_str().as_bytes();
    let request = match qop {
        Some(Qop::AuthInt) => hex(&[method, uri.as_bytes(), hex(&[signed.body]).as_bytes()]),
        Some(Qop::Auth) | None => hex(&[method, uri.as_bytes()]),
    };
    let counted = format!("{count:08x}");
    let response = match qop {
        Some(qop) => {
            let parts = [&secret, &*nonce, &counted, cnonce, qop.name(), &request];
            hex(&parts.map(str::as_bytes))
        }
        None => hex(&[&secret, &*nonce, &request].map(str::as_bytes)),
    };
    let mut credentials = Credentials::digest()
        .quoted("username", account.username)
        .quoted("realm", realm)
        .quoted("nonce", &nonce)
        .quoted("uri", uri)
        .quoted("response", &response);
    if let Some(name) = challenge.param("algorithm") {
        credentials = credentials.token("algorithm", &name);
    }
    if let Some(opaque) = challenge.param("opaque") {
        credentials = credentials.quoted("opaque", &opaque);
    }
    if qop.is_some() || algorithm.session {
        credentials = credentials.quoted("cnonce", cnonce);
    }
    match qop {
        Some(qop) => credentials.token("qop", qop.name()).token("nc", &counted),
        None => credentials,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::sip::Text;

    fn of(challenge: &str) -> Option<Asked> {
        let challenge = Challenge::parse(&Text::from(challenge)).unwrap();
        asked_by(HeaderName::Authorization, challenge)
    }

    /// RFC 7616 §3.9.1.
    fn response(algorithm: &str) -> String {
        let challenge = format!(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        );
        let asked = of(&challenge).unwrap();
        let method = Method::new(&"GET".into()).unwrap();
        let signed = Signed { method: &method, uri: "/dir/index.html", body: b"" };
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let credentials = answer(
            &asked,
            Account { username: "Mufasa", password: "Circle of Life" },
            1,
            cnonce,
            signed,
        );
        assert_eq!(credentials.nonce_count(), Some(1));
        assert_eq!(credentials.param("qop").as_deref(), Some("auth"));
        assert_eq!(credentials.param("algorithm").as_deref(), Some(algorithm));
        let opaque = credentials.param("opaque");
        assert_eq!(opaque.as_deref(), Some("FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"));
        credentials.param("response").unwrap().into_owned()
    }

    #[test]
    fn the_examples_of_rfc_7616() {
        assert_eq!(response("MD5"), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(
            response("SHA-256"),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    #[test]
    fn without_qop_as_rfc_2069() {
        // RFC 2617 §3.5's values without qop: MD5(HA1:nonce:HA2).
        let asked =
            of("Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"");
        let method = Method::new(&"GET".into()).unwrap();
        let signed = Signed { method: &method, uri: "/dir/index.html", body: b"" };
        let account = Account { username: "Mufasa", password: "Circle Of Life" };
        let credentials = answer(&asked.unwrap(), account, 1, "unused", signed);
        assert_eq!(
            credentials.param("response").as_deref(),
            Some("670fd8c2df070c60b045671b8b24ff02")
        );
        assert_eq!((credentials.param("nc"), credentials.param("cnonce")), (None, None));
    }

    #[test]
    fn what_cannot_be_answered_is_passed_over() {
        for challenge in [
            "Basic realm=\"r\"",
            "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-1024",
            "Digest realm=\"r\", nonce=\"n\", qop=\"token\"",
            "Digest nonce=\"n\"",
            "Digest realm=\"r\"",
        ] {
            assert_eq!(of(challenge), None, "{challenge}");
        }
    }
}
