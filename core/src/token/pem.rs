//! Public keys from a PEM file (RFC 7468, `PUBLIC KEY`): what kind of key it is stands in the file, so nobody has to say it.

use rustls_pki_types::{
    alg_id,
    pem::{PemObject as _, SectionKind},
};

use super::key::{Key, KeySet};

/// Keys that a file may hold: the one in use, and those that come and go with it.
const MAX_KEYS: usize = 4;

/// Why a file of keys is refused. The text never repeats what is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// Not PEM, or damaged.
    #[error("not a PEM file")]
    Malformed,
    /// No `PUBLIC KEY` in it.
    #[error("no PUBLIC KEY in the file")]
    Empty,
    /// A private key, where only the public half belongs.
    #[error("a PRIVATE KEY is in the file; only the public key belongs here (openssl pkey -pubout)")]
    Private,
    /// A key that no accepted algorithm uses.
    #[error("a key is neither RSA of 2048 to 4096 bits, nor P-256, nor Ed25519")]
    Unsupported,
    /// More keys than are tried on a token.
    #[error("more than {MAX_KEYS} keys")]
    TooMany,
}

impl KeySet {
    /// The public keys of a PEM file.
    ///
    /// # Errors
    /// [`PemError`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, PemError> {
        let mut keys = Vec::new();
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
            match section.map_err(|_| PemError::Malformed)? {
                (SectionKind::PublicKey, der) => keys.push(public_key(&der).ok_or(PemError::Unsupported)?),
                (SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey, _) => {
                    return Err(PemError::Private);
                }
                _ => {}
            }
        }
        match keys.len() {
            0 => Err(PemError::Empty),
            1..=MAX_KEYS => Ok(Self::of(keys)),
            _ => Err(PemError::TooMany),
        }
    }
}

/// The key of a `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
fn public_key(mut der: &[u8]) -> Option<Key> {
    let mut info = whole(&mut der, SEQUENCE)?;
    let algorithm = element(&mut info, SEQUENCE)?;
    let key = whole(&mut info, BIT_STRING)?.strip_prefix(&[0])?;
    if algorithm == alg_id::RSA_ENCRYPTION.as_ref() {
        let mut key = key;
        let mut numbers = whole(&mut key, SEQUENCE)?;
        let n = element(&mut numbers, INTEGER)?;
        Key::rsa(None, n, whole(&mut numbers, INTEGER)?)
    } else if algorithm == alg_id::ECDSA_P256.as_ref() {
        Key::p256(None, key)
    } else if algorithm == alg_id::ED25519.as_ref() {
        Key::ed25519(None, key)
    } else {
        None
    }
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// Takes the next element of DER, which must have this tag, off `input`, and gives its contents.
fn element<'a>(input: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (found, rest) = input.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => rest.split_first().map(|(&low, rest)| (usize::from(low), rest))?,
        0x82 => rest.split_first_chunk().map(|(bytes, rest)| (usize::from(u16::from_be_bytes(*bytes)), rest))?,
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    *input = rest;
    (*found == tag).then_some(contents)
}

/// The same, when nothing may follow.
fn whole<'a>(input: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    element(input, tag).filter(|_| input.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::token::{
        Algorithm,
        rfc::{self, EC_PEM, ED_PEM, RSA_PEM},
    };

    #[test]
    fn the_kind_of_key_stands_in_the_file() {
        for (pem, algorithm) in [(RSA_PEM, Algorithm::Rs256), (EC_PEM, Algorithm::Es256), (ED_PEM, Algorithm::EdDsa)] {
            let keys = KeySet::from_pem(pem.as_bytes()).unwrap();
            assert!(keys.len() == 1 && keys.has(algorithm), "{keys:?}");
        }
        let all = KeySet::from_pem(format!("{RSA_PEM}\n# a note\n{EC_PEM}{ED_PEM}").as_bytes()).unwrap();
        assert_eq!(all.len(), 3);
        for token in rfc::TOKENS {
            assert!(rfc::good(&all, token), "{token}");
        }
    }

    #[test]
    fn what_is_no_public_key_is_refused() {
        let refusal = |pem: &str| KeySet::from_pem(pem.as_bytes()).unwrap_err();
        assert_eq!(refusal(""), PemError::Empty);
        assert_eq!(refusal("a secret of at least 32 bytes, or more"), PemError::Empty);
        assert_eq!(refusal("-----BEGIN PUBLIC KEY-----\n????\n-----END PUBLIC KEY-----\n"), PemError::Malformed);
        assert_eq!(refusal("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), PemError::Unsupported);
        assert_eq!(refusal(&ED_PEM.repeat(5)), PemError::TooMany);
        let private = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert_eq!(refusal(&format!("{RSA_PEM}{private}")), PemError::Private);
        assert_eq!(refusal(rfc::SMALL_RSA_PEM), PemError::Unsupported);
        assert_eq!(refusal(rfc::P384_PEM), PemError::Unsupported);
    }

    proptest! {
        #[test]
        fn whatever_bytes_come_nothing_breaks(der in proptest::collection::vec(any::<u8>(), 0..80), cut in 0_usize..80) {
            let _ = public_key(&der);
            let mut prefix = der;
            prefix.splice(0..0, [0x30, 0x82]);
            prefix.truncate(cut);
            let _ = public_key(&prefix);
        }
    }
}
