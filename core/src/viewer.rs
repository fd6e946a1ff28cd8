//! On whose behalf a request runs.

use std::{fmt, sync::Arc};

use crate::UserId;

/// Who asks: somebody whose token was verified. An anonymous caller is the absence of a viewer.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The token's subject.
    pub user_id: UserId,
    /// What the token allows beyond the ordinary.
    pub scopes: Scopes,
    /// The verified token itself, for whoever must verify it again.
    pub credential: Credential,
}

/// Scopes of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes {
    /// May see the debug view of its own requests.
    pub debug: bool,
    /// May act on the admin listener.
    pub ops: bool,
}

impl Scopes {
    /// Reads the space-separated `scope` claim (RFC 8693 §4.2); scopes it does not know are nothing.
    #[must_use]
    pub fn parse(claim: &str) -> Self {
        let has = |scope| claim.split(' ').any(|word| word == scope);
        Self { debug: has("debug"), ops: has("ops") }
    }
}

/// A bearer token. It never shows itself in a log.
#[derive(Clone)]
pub struct Credential(Arc<str>);

impl Credential {
    /// Wraps a token that was verified.
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self(token.into())
    }

    /// The token, to be sent to a service that verifies it again.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_whole_words() {
        assert_eq!(Scopes::parse("read debug"), Scopes { debug: true, ops: false });
        assert_eq!(Scopes::parse("debugger opsy DEBUG"), Scopes::default());
        assert_eq!(Scopes::parse("ops debug"), Scopes { debug: true, ops: true });
    }

    #[test]
    fn a_credential_hides_itself() {
        assert_eq!(format!("{:?}", Credential::new("eyJ.secret")), "Credential(..)");
    }
}
