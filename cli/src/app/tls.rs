//! Mutual TLS between gateway and backend: each shows a certificate of the same authority, and believes no other.

use std::path::PathBuf;

use rustls::RootCertStore;
use tonic::transport::{Certificate, ClientTlsConfig, Identity, Server, ServerTlsConfig};

use crate::{chain, failure::Failure, https::add_authorities, identity::read_file};

/// How long a handshake may take.
const HANDSHAKE: std::time::Duration = std::time::Duration::from_secs(5);

const CERT: &str = "GRPC_TLS_CERT";
const KEY: &str = "GRPC_TLS_KEY";
const CA: &str = "GRPC_TLS_CA";

/// The service identity of a process. All three files, or none.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(id = "grpc_tls")]
#[command(next_help_heading = "TLS between gateway and backend")]
pub struct GrpcTlsArgs {
    /// PEM file with this process's certificate, and those between it and the authority.
    #[arg(long = "grpc-tls-cert", env = "GRPC_TLS_CERT", value_name = "GRPC_TLS_CERT")]
    cert: Option<PathBuf>,
    /// PEM file with the certificate's private key.
    #[arg(long = "grpc-tls-key", env = "GRPC_TLS_KEY", value_name = "GRPC_TLS_KEY")]
    key: Option<PathBuf>,
    /// PEM file with the authority whose certificates open the services: that of the fleet, and of nobody else.
    #[arg(long = "grpc-tls-ca", env = "GRPC_TLS_CA", value_name = "GRPC_TLS_CA")]
    ca: Option<PathBuf>,
}

/// A service identity, read.
#[derive(Clone)]
pub struct GrpcTls {
    identity: Identity,
    ca: Certificate,
}

impl GrpcTlsArgs {
    /// The identity that the files hold; `None` when none is named.
    ///
    /// # Errors
    /// [`Failure::Config`] names the variable that is missing, or whose file can't be used.
    pub fn load(&self) -> Result<Option<GrpcTls>, Failure> {
        let files = [(CERT, &self.cert), (KEY, &self.key), (CA, &self.ca)];
        if files.iter().all(|(_, path)| path.is_none()) {
            return Ok(None);
        }
        let mut read = Vec::new();
        for (variable, path) in files {
            let missing = || Failure::Config(format!("{variable}: not set; TLS needs {CERT}, {KEY} and {CA}"));
            let path = path.as_ref().ok_or_else(missing)?;
            let pem = read_file(variable, path)?;
            if variable == CA {
                add_authorities(&mut RootCertStore::empty(), variable, path, &pem)?;
            }
            read.push(pem);
        }
        let [cert, key, ca] = read.as_slice() else { return Ok(None) };
        let tls = GrpcTls { identity: Identity::from_pem(cert, key), ca: Certificate::from_pem(ca) };
        // Whether certificate and key are good, and belong together, turns out when they are used.
        Server::builder()
            .tls_config(tls.server())
            .map_err(|error| Failure::Config(format!("{CERT}, {KEY}: {}", chain(&error))))?;
        Ok(Some(tls))
    }
}

impl GrpcTls {
    /// How to serve: only to who shows a certificate of the authority.
    #[must_use]
    pub fn server(&self) -> ServerTlsConfig {
        ServerTlsConfig::new().identity(self.identity.clone()).client_ca_root(self.ca.clone()).timeout(HANDSHAKE)
    }

    /// How to call a service that shows a certificate of the authority for `domain`, or for the host of its URL.
    #[must_use]
    pub fn client(&self, domain: Option<&str>) -> ClientTlsConfig {
        let tls =
            ClientTlsConfig::new().identity(self.identity.clone()).ca_certificate(self.ca.clone()).timeout(HANDSHAKE);
        match domain {
            Some(domain) => tls.domain_name(domain),
            None => tls,
        }
    }
}

impl std::fmt::Debug for GrpcTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GrpcTls(..)")
    }
}

/// Makes ring the one provider of cryptography for TLS. Once, before anything uses TLS.
pub(crate) fn install_provider() {
    // An error says that one is there already, and there is only this one.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
