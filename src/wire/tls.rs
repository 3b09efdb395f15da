//! TLS for component links: who is trusted, and who we are.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Once};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::config::{ServerAddress, Tls};

/// Makes this process use one provider of cryptography.
fn provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Only a second installation can fail, and there is none.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
}

/// Fills bytes with the system's entropy. (The provider's own generator measures the processor's
/// jitter first, a tenth of a second at each start.)
pub(super) fn entropy(bytes: &mut [u8]) -> io::Result<()> {
    File::open("/dev/urandom")?.read_exact(bytes)
}

/// The connector of a link, with the name that the server's certificate must carry.
pub(super) fn connector(
    tls: &Tls,
    server: &ServerAddress,
) -> Result<(TlsConnector, ServerName<'static>), String> {
    provider();
    let mut roots = RootCertStore::empty();
    match &tls.ca_file {
        Some(file) => {
            let unreadable = |error| format!("xmpp.tls.ca_file: {}: {error}", file.display());
            for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
                let certificate = certificate.map_err(unreadable)?;
                roots.add(certificate).map_err(|error| format!("xmpp.tls.ca_file: {error}"))?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
        }
    }
    if roots.is_empty() {
        return Err("xmpp.tls: no certificate is trusted: give a ca_file".into());
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = tls.name.clone().unwrap_or_else(|| server.host.clone());
    let name = ServerName::try_from(name)
        .map_err(|_| "xmpp.tls.name: not a host name or address".to_owned())?;
    Ok((TlsConnector::from(Arc::new(config)), name))
}
