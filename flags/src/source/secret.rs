//! The token for Unleash. It never shows itself.

use std::{convert::Infallible, fmt, str::FromStr};

/// A token for Unleash's client API, `project:environment.secret`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// What goes into the `authorization` header, and nowhere else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it can be sent at all.
    pub(super) fn is_sendable(&self) -> bool {
        !self.0.is_empty() && self.0.bytes().all(|byte| byte.is_ascii_graphic())
    }

    /// The environment that it is for, when that is another one. Tokens of the time before environments name none.
    pub(super) fn names_other_than(&self, environment: &str) -> Option<&str> {
        let (_, rest) = self.0.split_once(':')?;
        // A name may have dots in it, a secret may have, too.
        let fits = rest.strip_prefix(environment).is_some_and(|rest| rest.starts_with('.'));
        let (named, _) = rest.split_once('.')?;
        (!fits).then_some(named)
    }
}

impl From<String> for Token {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Token {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}
