//! Access tokens: JWT (RFC 7519), signed with HMAC-SHA256. Gateway and backend verify with the same code.
//!
//! Time comes from the injected clock, never from the JWT library.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Credential, Scopes, UserId, Viewer, clock::SharedClock};

/// The `iss` claim of the tokens this house trusts.
pub const ISSUER: &str = "nova";
/// The `aud` claim of the tokens this house trusts.
pub const AUDIENCE: &str = "nova-gateway";
/// Bytes that a signing secret has at least (RFC 7518 §3.2).
pub const MIN_SECRET_BYTES: usize = 32;
/// Longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenType {
    /// Opens the API.
    Access,
    /// Is exchanged for an access token, and opens nothing.
    Refresh,
}

/// The claims of a token. Times are seconds since the Unix epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// Who signed it.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// The user it speaks for.
    pub sub: Uuid,
    /// When it ends.
    pub exp: i64,
    /// When it was made.
    pub iat: i64,
    /// What it is for.
    pub token_type: TokenType,
    /// What it allows beyond the ordinary, separated by spaces.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
}

/// Why a token is refused. Clients are told UNAUTHENTICATED and this text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token, or not signed by us.
    #[error("the token is not valid")]
    Invalid,
    /// Signed by another algorithm than the one that is configured, `none` included.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// Past its `exp`.
    #[error("the token has expired")]
    Expired,
    /// Signed by somebody else's name.
    #[error("the token's issuer is not accepted")]
    Issuer,
    /// Meant for somebody else.
    #[error("the token's audience is not accepted")]
    Audience,
    /// A refresh token where an access token belongs.
    #[error("not an access token")]
    Type,
}

/// The secret is shorter than the signature it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token secret must have at least {MIN_SECRET_BYTES} bytes")]
pub struct SecretTooShort;

/// The secret that signs and verifies tokens. It never shows itself in a log.
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

    /// Signs `claims`.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] when the claims can't be written as JSON.
    pub fn sign(&self, claims: &Claims) -> Result<String, TokenError> {
        let key = EncodingKey::from_secret(&self.0);
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).map_err(|_| TokenError::Invalid)
    }
}

impl std::fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenSecret(..)")
    }
}

/// Turns a token into a [`Viewer`], or says why not.
pub struct TokenVerifier {
    key: DecodingKey,
    validation: Validation,
    clock: SharedClock,
}

impl std::fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenVerifier(..)")
    }
}

impl TokenVerifier {
    /// A verifier of tokens signed with `secret`, by the time of `clock`.
    #[must_use]
    pub fn new(secret: &TokenSecret, clock: SharedClock) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false; // by our clock, below
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Self { key: DecodingKey::from_secret(&secret.0), validation, clock }
    }

    /// The viewer that `token` speaks for.
    ///
    /// # Errors
    /// [`TokenError`] says what is wrong with it.
    pub fn verify(&self, token: &str) -> Result<Viewer, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => TokenError::Algorithm,
                ErrorKind::InvalidIssuer => TokenError::Issuer,
                ErrorKind::InvalidAudience => TokenError::Audience,
                _ => TokenError::Invalid,
            })?
            .claims;
        if claims.token_type != TokenType::Access {
            return Err(TokenError::Type);
        }
        if claims.exp <= self.clock.now().timestamp() {
            return Err(TokenError::Expired);
        }
        Ok(Viewer {
            user_id: UserId(claims.sub),
            scopes: Scopes::parse(&claims.scope),
            credential: Credential::new(token),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use chrono::DateTime;

    use super::*;
    use crate::clock::FixedClock;

    const NOW: i64 = 1_800_000_000;

    fn secret() -> TokenSecret {
        TokenSecret::new(*b"0123456789abcdef0123456789abcdef").unwrap()
    }

    fn verifier() -> TokenVerifier {
        TokenVerifier::new(&secret(), Arc::new(FixedClock(DateTime::from_timestamp(NOW, 0).unwrap())))
    }

    fn claims() -> Claims {
        Claims {
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
            sub: Uuid::from_u128(7),
            exp: NOW + 60,
            iat: NOW,
            token_type: TokenType::Access,
            scope: "debug".into(),
        }
    }

    fn refusal(claims: &Claims) -> TokenError {
        verifier().verify(&secret().sign(claims).unwrap()).unwrap_err()
    }

    #[test]
    fn a_good_token_names_its_viewer() {
        let viewer = verifier().verify(&secret().sign(&claims()).unwrap()).unwrap();
        assert_eq!(viewer.user_id, UserId(Uuid::from_u128(7)));
        assert!(viewer.scopes.debug && !viewer.scopes.ops);
    }

    #[test]
    fn every_claim_is_checked() {
        assert_eq!(refusal(&Claims { exp: NOW, ..claims() }), TokenError::Expired);
        assert_eq!(refusal(&Claims { iss: "other".into(), ..claims() }), TokenError::Issuer);
        assert_eq!(refusal(&Claims { aud: "other".into(), ..claims() }), TokenError::Audience);
        assert_eq!(refusal(&Claims { token_type: TokenType::Refresh, ..claims() }), TokenError::Type);
    }

    #[test]
    fn a_signature_is_ours_or_none() {
        let foreign = TokenSecret::new([9; 32]).unwrap().sign(&claims()).unwrap();
        assert_eq!(verifier().verify(&foreign).unwrap_err(), TokenError::Invalid);
        let payload = URL_SAFE_NO_PAD.encode(serde_like(&claims()));
        for algorithm in ["none", "None", "HS384", "RS256"] {
            let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#));
            assert!(verifier().verify(&format!("{header}.{payload}.")).is_err(), "{algorithm}");
        }
        for text in ["", ".", "..", "a.b.c", &"x".repeat(100_000)] {
            assert_eq!(verifier().verify(text).unwrap_err(), TokenError::Invalid);
        }
    }

    fn serde_like(claims: &Claims) -> String {
        let signed = secret().sign(claims).unwrap();
        String::from_utf8(URL_SAFE_NO_PAD.decode(signed.split('.').nth(1).unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert_eq!(TokenSecret::new([1; 31]).unwrap_err(), SecretTooShort);
    }
}
