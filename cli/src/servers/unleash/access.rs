//! How to reach an Unleash server: its address and its tokens. They are kept out of every log.

use std::fmt;

/// The environment that the token for clients reads.
const ENVIRONMENT: &str = "development";

/// Where an Unleash server answers, and what it lets in.
#[derive(Clone)]
pub struct UnleashAccess {
    /// `http://127.0.0.1:PORT`, without a path.
    pub url: String,
    /// For clients, which read flags of the environment `development` and report metrics.
    pub client_token: String,
    /// For the admin API.
    pub admin_token: String,
}

impl fmt::Debug for UnleashAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnleashAccess").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What a new server of ours is told to believe.
#[derive(Clone)]
pub struct Tokens {
    pub(super) client: String,
    pub(super) admin: String,
    /// Signs the cookies of its web page.
    pub(super) session: String,
}

impl Tokens {
    /// How many random bytes [`Tokens::from_secret`] wants, as hexadecimal digits.
    pub const SECRET_BYTES: usize = 48;

    /// The tokens that a secret stands for, the same for the same secret; `None` when it is no secret of that length.
    #[must_use]
    pub fn from_secret(secret: &str) -> Option<Self> {
        let (client, rest) = secret.split_at_checked(Self::SECRET_BYTES * 2 / 3)?;
        let (admin, session) = rest.split_at_checked(client.len())?;
        let whole = session.len() == client.len() && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
        // Unleash reads projects and environment from the name: one project and one environment, or all of both.
        whole.then(|| Self {
            client: format!("default:{ENVIRONMENT}.{client}"),
            admin: format!("*:*.{admin}"),
            session: session.to_owned(),
        })
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_cut_into_tokens_that_share_nothing() {
        let secret = format!("{}{}{}", "a".repeat(32), "b".repeat(32), "c".repeat(32));
        let tokens = Tokens::from_secret(&secret).unwrap();
        assert_eq!(tokens.client, format!("default:development.{}", "a".repeat(32)));
        assert_eq!(tokens.admin, format!("*:*.{}", "b".repeat(32)));
        assert_eq!(tokens.session, "c".repeat(32));
        for wrong in
            ["", "abc", &secret[1..], &format!("{secret}d"), &secret.replace('b', "é"), &secret.replace('b', ",")]
        {
            assert!(Tokens::from_secret(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn nothing_prints_a_token() {
        let tokens = Tokens::from_secret(&"ab".repeat(Tokens::SECRET_BYTES)).unwrap();
        let access = UnleashAccess {
            url: "http://u".into(),
            client_token: tokens.client.clone(),
            admin_token: tokens.admin.clone(),
        };
        assert!(!format!("{tokens:?} {access:?}").contains("abab"));
    }
}
