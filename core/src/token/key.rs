//! The keys that are trusted. Each has one algorithm, fixed by what kind of key it is, and verifies with no other: so that no
//! token can turn a public key into a secret, or one curve's key into another's.

use std::fmt;

use ring::{
    hmac,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
    },
};

use super::{Algorithm, TokenSecret, jws::Jws};

/// Sizes of an RSA modulus, in bytes: 2048 to 4096 bits. A larger one costs each verification its square.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;
/// Keys that are tried at most on a token without `kid`: each costs a verification, and anybody can send such tokens.
const MAX_TRIED: usize = 4;

/// One trusted key.
pub(super) struct Key {
    kid: Option<String>,
    material: Material,
}

enum Material {
    Secret(hmac::Key),
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256([u8; 65]),
    Ed25519([u8; 32]),
}

impl Key {
    /// An RSA key, by modulus and exponent as big-endian numbers. `None` for sizes that are not accepted.
    pub(super) fn rsa(kid: Option<String>, n: &[u8], e: &[u8]) -> Option<Self> {
        let trim = |number: &[u8]| number.iter().copied().skip_while(|&byte| byte == 0).collect::<Vec<u8>>();
        let (n, e) = (trim(n), trim(e));
        // ring refuses even, tiny and huge exponents itself, and reads at most 33 bits.
        let fits =
            RSA_BYTES.contains(&n.len()) && (1..=5).contains(&e.len()) && e.last().is_some_and(|last| last % 2 == 1);
        fits.then_some(Self { kid, material: Material::Rsa { n, e } })
    }

    /// A key on P-256, as an uncompressed point.
    pub(super) fn p256(kid: Option<String>, point: &[u8]) -> Option<Self> {
        let point: [u8; 65] = point.try_into().ok()?;
        (point[0] == 4).then_some(Self { kid, material: Material::P256(point) })
    }

    /// A key on Ed25519.
    pub(super) fn ed25519(kid: Option<String>, point: &[u8]) -> Option<Self> {
        Some(Self { kid, material: Material::Ed25519(point.try_into().ok()?) })
    }

    fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Secret(_) => Algorithm::Hs256,
            Material::Rsa { .. } => Algorithm::Rs256,
            Material::P256(_) => Algorithm::Es256,
            Material::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    fn verifies(&self, jws: &Jws<'_>) -> bool {
        let (signed, signature) = (jws.signed, jws.signature.as_slice());
        let verified = match &self.material {
            Material::Secret(key) => hmac::verify(key, signed, signature),
            Material::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
            }
            Material::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature),
            Material::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point).verify(signed, signature),
        };
        verified.is_ok()
    }
}

/// What the trusted keys say to a token's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A key of the token's algorithm, and of its `kid` where both have one, signed it.
    Good,
    /// There is such a key, and it did not sign this.
    Bad,
    /// The `kid` is that of a key with another algorithm.
    OtherAlgorithm,
    /// There is no such key.
    NoKey,
}

/// The keys that are trusted at a time.
pub struct KeySet(Vec<Key>);

impl KeySet {
    /// The one key of development: a shared secret.
    #[must_use]
    pub fn secret(secret: &TokenSecret) -> Self {
        Self(vec![Key { kid: None, material: Material::Secret(secret.key()) }])
    }

    pub(super) fn of(keys: Vec<Key>) -> Self {
        Self(keys)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether some key has this algorithm.
    pub(super) fn has(&self, algorithm: Algorithm) -> bool {
        self.0.iter().any(|key| key.algorithm() == algorithm)
    }

    /// Verifies a token's signature with the keys that fit it.
    pub(super) fn verify(&self, jws: &Jws<'_>) -> Verdict {
        let named = |key: &&Key| match (&key.kid, &jws.kid) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        let mut fitting =
            self.0.iter().filter(named).filter(|key| key.algorithm() == jws.algorithm).take(MAX_TRIED).peekable();
        if fitting.peek().is_some() {
            return if fitting.any(|key| key.verifies(jws)) { Verdict::Good } else { Verdict::Bad };
        }
        let known = jws.kid.is_some() && self.0.iter().any(|key| key.kid.is_some() && key.kid == jws.kid);
        if known { Verdict::OtherAlgorithm } else { Verdict::NoKey }
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| (key.algorithm(), key.kid.as_deref()))).finish()
    }
}
