//! Where Unleash is and what opens its admin API, as an operator sets it.

use std::path::PathBuf;

use http::HeaderValue;
use nova_flags::{Token, unleash_api_url};

use super::Admin;
use crate::{failure::Failure, servers::unleash::UnleashAccess};

/// Settings of the commands that talk to Unleash.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Unleash")]
pub(crate) struct UnleashArgs {
    /// Where Unleash is: its base, as `https://unleash.example`, or its `/api`.
    #[arg(long, env = "UNLEASH_URL", value_name = "UNLEASH_URL")]
    unleash_url: Option<String>,
    /// Token for its admin API. Set the variable: an argument is there for every user of the machine to see.
    #[arg(long, env = "UNLEASH_ADMIN_TOKEN", value_name = "UNLEASH_ADMIN_TOKEN", hide_env_values = true)]
    unleash_admin_token: Option<Token>,
    /// PEM file with certificates of authorities to believe for that URL, beside the public ones.
    #[arg(long, env = "UNLEASH_CA", value_name = "UNLEASH_CA")]
    unleash_ca: Option<PathBuf>,
    /// The project in Unleash that has the flags.
    #[arg(long, default_value = "default", value_parser = name)]
    project: String,
    /// The environment in Unleash. Not set: `NOVA_ENVIRONMENT`, and without that `development`.
    #[arg(long, env = "UNLEASH_ENVIRONMENT", value_parser = name)]
    environment: Option<String>,
    #[arg(long, env = "NOVA_ENVIRONMENT", default_value = "development", hide = true, value_parser = name)]
    nova_environment: String,
}

impl UnleashArgs {
    /// For a server of our own, in the environment `development`.
    pub(crate) fn own(access: &UnleashAccess) -> Self {
        let development = nova_core::Environment::development().to_string();
        Self {
            unleash_url: Some(access.url.clone()),
            unleash_admin_token: Some(Token::from(access.admin_token.clone())),
            unleash_ca: None,
            project: "default".into(),
            environment: Some(development.clone()),
            nova_environment: development,
        }
    }

    /// The way to Unleash, when somebody said where it is and what opens it.
    ///
    /// # Errors
    /// [`Failure::Config`] names the variable with a wrong value.
    pub(crate) fn admin_if_set(&self) -> Result<Option<Admin>, Failure> {
        let (Some(url), Some(token)) = (&self.unleash_url, &self.unleash_admin_token) else { return Ok(None) };
        let api = api_url(url).map_err(|why| Failure::Config(format!("UNLEASH_URL: {why}")))?;
        let mut token =
            HeaderValue::from_str(token.expose()).ok().filter(|token| !token.is_empty()).ok_or_else(|| {
                Failure::Config("UNLEASH_ADMIN_TOKEN: is empty, or has a character in it that no token has".into())
            })?;
        token.set_sensitive(true);
        Admin::new(api, token, self.unleash_ca.as_deref(), &self.project, self.environment()).map(Some)
    }

    /// The same, for who can do nothing without Unleash.
    ///
    /// # Errors
    /// [`Failure::Config`] names what is missing or wrong.
    pub(crate) fn admin(&self) -> Result<Admin, Failure> {
        let missing = |what: &str| Failure::Config(format!("{what} is not set, and this needs Unleash's admin API"));
        match self.admin_if_set()? {
            Some(admin) => Ok(admin),
            None if self.unleash_url.is_none() => Err(missing("UNLEASH_URL")),
            None => Err(missing("UNLEASH_ADMIN_TOKEN")),
        }
    }

    /// Whether there is an Unleash that nothing opens.
    pub(crate) fn lacks_token(&self) -> bool {
        self.unleash_url.is_some() && self.unleash_admin_token.is_none()
    }

    fn environment(&self) -> &str {
        self.environment.as_deref().unwrap_or(&self.nova_environment)
    }
}

/// The URL of the admin API. The token that goes there opens everything: it goes over TLS, or stays on this machine.
fn api_url(text: &str) -> Result<String, String> {
    Ok(format!("{}/admin", unleash_api_url(text, false)?))
}

/// A name as Unleash allows it: it goes into a path as it is.
fn name(text: &str) -> Result<String, String> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let dots = text.bytes().all(|byte| byte == b'.');
    if (1..=100).contains(&text.len()) && text.bytes().all(good) && !dots {
        Ok(text.to_owned())
    } else {
        Err("1 to 100 letters, digits, and -_.~".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_found_from_the_base_or_from_itself() {
        for text in ["https://u.example", "https://u.example/", "https://u.example/api", "https://u.example/api/"] {
            assert_eq!(api_url(text).unwrap(), "https://u.example/api/admin", "{text}");
        }
        assert_eq!(api_url("http://127.0.0.1:4242/base").unwrap(), "http://127.0.0.1:4242/base/api/admin");
        for (text, why) in [
            ("http://u.example", "over https:// only"),
            ("u.example", "neither https:// nor http://"),
            ("https://me:hunter2@u.example", "a URL with a password"),
            ("https://u.example/?x", "neither the base"),
            ("", "an example"),
        ] {
            let refusal = api_url(text).unwrap_err();
            assert!(refusal.contains(why) && !refusal.contains("hunter2"), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_name_is_no_path() {
        assert_eq!(name("my-project_1.x").as_deref(), Ok("my-project_1.x"));
        for text in ["", ".", "..", "a/b", "a?b", "a b", "ä", &"x".repeat(101)] {
            assert!(name(text).is_err(), "{text}");
        }
    }
}
