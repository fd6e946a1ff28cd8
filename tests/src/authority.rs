//! An authority that signs certificates, made for one test.
#![expect(clippy::unwrap_used, reason = "a test without its certificates has nothing to go on with")]

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::files::pem;

/// Whoever signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A process's certificate and key, as PEM.
pub struct Papers {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl Authority {
    /// A new one, which nobody knows yet.
    ///
    /// # Panics
    /// When there are no random numbers.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate, as PEM.
    #[must_use]
    pub fn certificate(&self) -> String {
        pem("CERTIFICATE", self.0.der())
    }

    /// A new certificate for this host.
    ///
    /// # Panics
    /// When it is no name of a host.
    #[must_use]
    pub fn papers(&self, host: &str) -> Papers {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([host.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        Papers { certificate: pem("CERTIFICATE", certificate.der()), key: pem("PRIVATE KEY", &key.serialize_der()) }
    }
}
