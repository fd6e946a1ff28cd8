//! The names of the services, as an operator writes them.

use std::{fmt, str::FromStr};

/// A service that a process can serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServiceName {
    /// Who is who.
    Users,
    /// Posts and their comments.
    Content,
    /// Who likes what and who follows whom.
    Social,
}

/// The text names no service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not one of: users, content, social")]
pub struct UnknownService;

impl ServiceName {
    /// Every service.
    pub const ALL: &'static [Self] = &[Self::Users, Self::Content, Self::Social];

    /// The name, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Content => "content",
            Self::Social => "social",
        }
    }

    /// Connections to the store that it brings to its process, where nobody says anything else.
    pub(crate) const fn connections(self) -> u32 {
        match self {
            Self::Users => 6,
            Self::Content | Self::Social => 12,
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ServiceName {
    type Err = UnknownService;

    fn from_str(text: &str) -> Result<Self, UnknownService> {
        Self::ALL.iter().copied().find(|name| name.as_str() == text).ok_or(UnknownService)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_the_way_out_and_back() {
        for &name in ServiceName::ALL {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        assert_eq!("search".parse::<ServiceName>(), Err(UnknownService));
    }
}
