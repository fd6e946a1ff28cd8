//! Access tokens: JWT (RFC 7519) in their compact form, signed with HS256, RS256, ES256 or `EdDSA`. Gateway and backend verify
//! with the same code.
//!
//! A token only chooses among the keys that are trusted; it never says what a key is good for: each key has one algorithm.
//! Time comes from the injected clock. No I/O: who fetches an issuer's keys is a [`KeySource`] from the outside.

mod claims;
mod jwks;
mod jws;
mod key;
mod pem;
#[cfg(test)]
mod rfc;
mod secret;
mod verifier;

pub use claims::{Claims, TokenType};
pub use jwks::JwksError;
pub use jws::Algorithm;
pub use key::KeySet;
pub use pem::PemError;
pub use secret::{MIN_SECRET_BYTES, SecretTooShort, TokenSecret};
pub use verifier::{KeySource, TokenRules, TokenVerifier};

/// The `iss` claim of trusted tokens, unless another is configured.
pub const ISSUER: &str = "nova";
/// The `aud` claim of trusted tokens, unless another is configured.
pub const AUDIENCE: &str = "nova-gateway";

/// Why a token is refused. Clients are told this text, and UNAUTHENTICATED unless it is [`TokenError::Unavailable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token, or not signed by whom we trust.
    #[error("the token is not valid")]
    Invalid,
    /// Signed by an algorithm that the trusted keys don't have, `none` included.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// It demands that an extension is understood (`crit`), and none is.
    #[error("the token demands an extension that is not known")]
    Extension,
    /// Its `kid` names none of the trusted keys.
    #[error("the token's key is not known")]
    Key,
    /// Past its `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before its `nbf`.
    #[error("the token is not valid yet")]
    Early,
    /// Signed by somebody else's name.
    #[error("the token's issuer is not accepted")]
    Issuer,
    /// Meant for somebody else.
    #[error("the token's audience is not accepted")]
    Audience,
    /// A refresh token where an access token belongs.
    #[error("not an access token")]
    Type,
    /// Nobody can say: the issuer's keys were never there since the start. The token may be good later.
    #[error("tokens can't be checked at the moment: the issuer's keys are not there yet")]
    Unavailable,
}
