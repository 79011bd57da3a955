//! TLS for requests: whom to trust is the container's own matter, as it is for a native program there.
use std::fs::File;
use std::io::Read;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::Error;

/// Says where the certificates are, to OpenSSL, to Go, and here.
const VARIABLE: &str = "SSL_CERT_FILE";
/// Where they are otherwise: Debian and what whit packs, Fedora, Alpine and BSD.
const PLACES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
const LARGEST: u64 = 16 << 20;

/// Read when the first request needs them.
static CLIENT: OnceLock<TlsConnector> = OnceLock::new();

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The connection, once the server has shown that it is `host`.
pub async fn wrap(host: &str, stream: TcpStream) -> Result<Box<dyn Stream>, Error> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::HttpRequestUriInvalid)?;
    let wrapped = client()?.connect(name, stream).await;
    Ok(Box::new(wrapped.map_err(refused)?))
}

fn refused(error: std::io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(_)) => Error::TlsCertificateError,
        _ => Error::Tls(error),
    }
}

fn client() -> Result<&'static TlsConnector, Error> {
    if let Some(made) = CLIENT.get() {
        return Ok(made);
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::InternalError(Some(error.to_string())))?
        .with_root_certificates(roots()?)
        .with_no_client_auth();
    Ok(CLIENT.get_or_init(|| TlsConnector::from(Arc::new(config))))
}

/// The certificates of the first file that has any.
fn roots() -> Result<RootCertStore, Error> {
    let named = std::env::var(VARIABLE).ok().filter(|path| !path.is_empty());
    let places = named.as_deref().map_or_else(|| PLACES.to_vec(), |path| vec![path]);
    for place in &places {
        let mut data = Vec::new();
        if File::open(place).and_then(|file| file.take(LARGEST).read_to_end(&mut data)).is_err() {
            continue;
        }
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(CertificateDer::pem_slice_iter(&data).filter_map(Result::ok));
        if !store.is_empty() {
            return Ok(store);
        }
    }
    let why = format!("no certificates to know servers by: none in {}", places.join(", "));
    Err(Error::InternalError(Some(why)))
}
