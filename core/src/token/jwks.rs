//! Public keys as an issuer publishes them: a JSON Web Key Set (RFC 7517).
//!
//! Keys that are of no use here are skipped, as the standard asks for; a set without one that is of use is refused.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use super::key::{Key, KeySet};

/// Keys that a set may have. An issuer needs a handful.
const MAX_KEYS: usize = 64;
/// Longest `kid`, in bytes.
const MAX_KID_BYTES: usize = 256;

/// Why a set is refused. The text never repeats what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Not a JSON object with a list `keys`.
    #[error("not a JSON Web Key Set")]
    Malformed,
    /// More keys than anybody needs.
    #[error("more than {MAX_KEYS} keys")]
    TooMany,
    /// No key that an accepted algorithm uses.
    #[error("none of its keys is of use: RSA of 2048 to 4096 bits, P-256 or Ed25519, for signatures")]
    NoKey,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// A key. Which of its members there are depends on `kty`.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// The keys of a set that are of use, and how many were skipped.
    ///
    /// # Errors
    /// [`JwksError`].
    pub fn from_jwks(json: &[u8]) -> Result<(Self, usize), JwksError> {
        let set: Set = serde_json::from_slice(json).map_err(|_| JwksError::Malformed)?;
        let all = set.keys.len();
        if all > MAX_KEYS {
            return Err(JwksError::TooMany);
        }
        let keys: Vec<Key> = set.keys.into_iter().filter_map(key).collect();
        let skipped = all - keys.len();
        if keys.is_empty() { Err(JwksError::NoKey) } else { Ok((Self::of(keys), skipped)) }
    }
}

/// The key, if it is for verifying signatures of an accepted algorithm. A symmetric key (`oct`) never is.
fn key(value: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let for_signatures = jwk.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
        && jwk.key_ops.is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
    if !for_signatures || jwk.kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
        return None;
    }
    let says = |algorithm: &str| jwk.alg.as_deref().is_none_or(|alg| alg == algorithm);
    match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", None) if says("RS256") => Key::rsa(jwk.kid, &number(jwk.n)?, &number(jwk.e)?),
        ("EC", Some("P-256")) if says("ES256") => {
            let (x, y) = (number(jwk.x)?, number(jwk.y)?);
            let point = [&[4][..], &x, &y].concat();
            (x.len() == 32).then(|| Key::p256(jwk.kid, &point))?
        }
        ("OKP", Some("Ed25519")) if says("EdDSA") => Key::ed25519(jwk.kid, &number(jwk.x)?),
        _ => None,
    }
}

fn number(text: Option<String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::token::{Algorithm, rfc};

    fn read(keys: &Value) -> Result<(KeySet, usize), JwksError> {
        KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn the_keys_of_the_standards_verify_their_tokens() {
        let (keys, skipped) = read(&json!([rfc::rsa_jwk(), rfc::ec_jwk(), rfc::ed_jwk()])).unwrap();
        assert_eq!((keys.len(), skipped), (3, 0));
        for token in rfc::TOKENS {
            assert!(rfc::good(&keys, token), "{token}");
            let signature = token.rfind('.').unwrap() + 5;
            let mut changed = token.to_owned();
            changed.replace_range(signature..=signature, if token.as_bytes()[signature] == b'A' { "B" } else { "A" });
            assert!(!rfc::good(&keys, &changed), "{changed}");
        }
    }

    #[test]
    fn what_is_of_no_use_is_skipped() {
        let with = |mut key: Value, member: &str, value: Value| {
            key[member] = value;
            key
        };
        let useless = [
            json!({ "kty": "oct", "k": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" }),
            json!({ "kty": "oct", "alg": "HS256", "use": "sig", "k": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" }),
            with(rfc::rsa_jwk(), "use", json!("enc")),
            with(rfc::rsa_jwk(), "key_ops", json!(["encrypt"])),
            with(rfc::rsa_jwk(), "alg", json!("RS512")),
            with(rfc::rsa_jwk(), "alg", json!("HS256")),
            with(rfc::rsa_jwk(), "n", json!("AQAB")),
            with(rfc::rsa_jwk(), "n", json!("A".repeat(1400))),
            with(rfc::rsa_jwk(), "n", json!("!")),
            with(rfc::rsa_jwk(), "e", json!("Ag")),
            with(rfc::rsa_jwk(), "e", json!("")),
            with(rfc::rsa_jwk(), "kid", json!("k".repeat(257))),
            with(rfc::rsa_jwk(), "kid", json!(7)),
            with(rfc::ec_jwk(), "crv", json!("P-384")),
            with(rfc::ec_jwk(), "x", json!("AA")),
            with(rfc::ec_jwk(), "y", Value::Null),
            with(rfc::ed_jwk(), "crv", json!("Ed448")),
            with(rfc::ed_jwk(), "x", json!("AA")),
            with(rfc::ed_jwk(), "kty", json!("EC")),
            json!("key"),
            Value::Null,
        ];
        for key in &useless {
            assert_eq!(read(&json!([key])).err(), Some(JwksError::NoKey), "{key}");
        }
        let mut all = useless.to_vec();
        all.push(rfc::ed_jwk());
        let (keys, skipped) = read(&json!(all)).unwrap();
        assert!(
            keys.len() == 1 && skipped == useless.len() && keys.has(Algorithm::EdDsa) && !keys.has(Algorithm::Hs256)
        );
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for garbage in ["", "<html>", "[]", "{}", "null", r#"{"keys":{}}"#, r#"{"keys":[]"#] {
            assert_eq!(KeySet::from_jwks(garbage.as_bytes()).err(), Some(JwksError::Malformed), "{garbage}");
        }
        assert_eq!(read(&json!([])).err(), Some(JwksError::NoKey));
        assert_eq!(read(&json!(vec![rfc::ed_jwk(); 65])).err(), Some(JwksError::TooMany));
    }

    proptest! {
        #[test]
        fn whatever_bytes_come_nothing_breaks(text in r#"[\{\}\[\]":,a-z0-9]{0,60}"#) {
            let _ = KeySet::from_jwks(text.as_bytes());
        }
    }
}
