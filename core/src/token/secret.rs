//! The shared secret of development: it signs and verifies HS256 tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;

use super::{Claims, TokenError};

/// Bytes that a signing secret has at least (RFC 7518 §3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// The secret is shorter than the signature it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret must have at least {MIN_SECRET_BYTES} bytes")]
pub struct SecretTooShort;

/// A secret of the fleet's: signs tokens, or cursors. It never shows itself in a log.
#[derive(Clone)]
pub struct TokenSecret(Vec<u8>);

impl TokenSecret {
    /// Takes the secret's bytes.
    ///
    /// # Errors
    /// [`SecretTooShort`] below [`MIN_SECRET_BYTES`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, SecretTooShort> {
        let bytes = bytes.into();
        if bytes.len() < MIN_SECRET_BYTES { Err(SecretTooShort) } else { Ok(Self(bytes)) }
    }

    /// The bytes, for keys that are derived from it.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }

    /// Signs `claims` with HS256.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] when the claims can't be written as JSON.
    pub fn sign(&self, claims: &Claims) -> Result<String, TokenError> {
        let mut token = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims).map_err(|_| TokenError::Invalid)?, &mut token);
        let signature = hmac::sign(&self.key(), token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

impl std::fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_secret_is_refused() {
        assert_eq!(TokenSecret::new([1; 31]).unwrap_err(), SecretTooShort);
    }

    #[test]
    fn a_secret_hides_itself() {
        assert_eq!(format!("{:?}", TokenSecret::new([1; 32]).unwrap()), "TokenSecret(..)");
    }
}
