//! What a token says.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenType {
    /// Opens the API.
    Access,
    /// Is exchanged for an access token, and opens nothing.
    Refresh,
}

/// The claims of a token that is made here. Times are seconds since the Unix epoch.
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

/// The claims of a token that came in. `aud` may be a list (RFC 7519 §4.1.3), and `nbf` may be there.
#[derive(Deserialize)]
pub(super) struct Presented {
    pub(super) iss: String,
    pub(super) aud: Audience,
    pub(super) sub: Uuid,
    pub(super) exp: i64,
    /// Required, like the rest; nothing depends on its value.
    #[serde(rename = "iat")]
    _iat: i64,
    pub(super) nbf: Option<i64>,
    pub(super) token_type: TokenType,
    #[serde(default)]
    pub(super) scope: String,
}

/// Whom a token is for.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    pub(super) fn includes(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}
