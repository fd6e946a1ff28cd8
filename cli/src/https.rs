//! Connections of this process to HTTP servers of others: whom it believes there.

use std::{path::Path, sync::Arc};

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::{failure::Failure, identity::read_file};

/// Connects by HTTP, or by HTTP over TLS to a server that shows a certificate of a public authority, or of one in the PEM file
/// `ca`, which `variable` names.
pub(crate) fn connector(variable: &str, ca: Option<&Path>) -> Result<HttpsConnector<HttpConnector>, Failure> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca {
        add_authorities(&mut roots, variable, path, &read_file(variable, path)?)?;
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::Internal(format!("TLS: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build())
}

/// Adds the certificates of the PEM file `path`, which `variable` names, and insists that there are some.
pub(crate) fn add_authorities(
    roots: &mut RootCertStore,
    variable: &str,
    path: &Path,
    pem: &[u8],
) -> Result<(), Failure> {
    let wrong = |why: String| Failure::Config(format!("{variable}: {}: {why}", path.display()));
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| wrong("not a PEM file".into()))?;
        roots.add(certificate).map_err(|error| wrong(format!("a certificate is not valid: {error}")))?;
    }
    if roots.len() == before { Err(wrong("no CERTIFICATE in the file".into())) } else { Ok(()) }
}
