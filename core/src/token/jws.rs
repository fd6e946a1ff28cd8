//! Takes a signed token apart (RFC 7515, compact form). It believes nothing of what it reads: that is the verifier's work.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::TokenError;

/// Longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// How a token is signed. What is not here is refused, `none` first of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256, for development.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// The algorithm of this `alg`, letter by letter.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "HS256" => Some(Self::Hs256),
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// A token in its parts.
pub(super) struct Jws<'a> {
    pub(super) algorithm: Algorithm,
    /// Which key it says signed it.
    pub(super) kid: Option<String>,
    /// What is signed: header and payload as they came.
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
    payload: &'a str,
}

/// What of a header is looked at. Keys and addresses of keys that it may bring (`jwk`, `jku`, `x5c`, `x5u`) are not.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

/// Whether a member is there, whatever its value.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

impl<'a> Jws<'a> {
    /// Takes `token` apart.
    pub(super) fn read(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Invalid)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::Invalid)?;
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| TokenError::Invalid)?;
        let algorithm = Algorithm::named(&header.alg).ok_or(TokenError::Algorithm)?;
        if header.crit {
            return Err(TokenError::Extension);
        }
        let signature = decode(signature)?;
        Ok(Self { algorithm, kid: header.kid, signed: signed.as_bytes(), signature, payload })
    }

    /// The payload; only whoever has verified the signature has a use for it.
    pub(super) fn payload(&self) -> Result<Vec<u8>, TokenError> {
        decode(self.payload)
    }
}

/// Strict: no padding, no other alphabet, no bits left over, and so one text for each value.
fn decode(text: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Result<Option<String>, TokenError> {
        let token = format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(header));
        Jws::read(&token).map(|jws| jws.kid)
    }

    #[test]
    fn a_header_says_the_algorithm_and_the_key() {
        assert_eq!(read(r#"{"alg":"RS256"}"#), Ok(None));
        assert_eq!(read(r#"{"kid":"a","typ":"JWT","alg":"EdDSA","jku":"http://evil.example"}"#), Ok(Some("a".into())));
    }

    #[test]
    fn an_algorithm_is_one_of_four() {
        for name in
            ["none", "None", "NONE", "", "HS384", "HS512", "RS512", "PS256", "ES384", "ES256K", "rs256", "RS256 "]
        {
            assert_eq!(read(&format!(r#"{{"alg":"{name}"}}"#)), Err(TokenError::Algorithm), "{name}");
        }
    }

    #[test]
    fn what_demands_an_extension_is_refused() {
        for crit in [r#"["b64"]"#, r#"["exp"]"#, "[]", r#""x""#, "false", "null"] {
            let header = format!(r#"{{"alg":"RS256","crit":{crit},"b64":false}}"#);
            assert_eq!(read(&header), Err(TokenError::Extension), "{crit}");
        }
    }

    #[test]
    fn what_is_no_header_is_no_token() {
        for header in
            ["", "{}", "[]", "null", r#"{"alg":1}"#, r#"{"alg":"RS256","alg":"HS256"}"#, r#"{"alg":"RS256","kid":7}"#]
        {
            assert_eq!(read(header), Err(TokenError::Invalid), "{header}");
        }
        let good = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
        for token in [
            String::new(),
            "..".into(),
            good.clone(),
            format!("{good}.e30"),
            format!("{good}.e30.A="),
            format!("{good}.e30.AB"), // bits left over
            format!("{good}.e30.+/+/"),
            format!("{good}=.e30.AAAA"),
            "x".repeat(100_000),
        ] {
            assert_eq!(Jws::read(&token).err(), Some(TokenError::Invalid), "{token}");
        }
        // Five parts are an encrypted token; its second part is no payload.
        let five = format!("{good}.e30.AAAA.AAAA.AAAA");
        assert_eq!(Jws::read(&five).and_then(|jws| jws.payload()).err(), Some(TokenError::Invalid));
    }
}
