//! The settings of identity, and what they may be together.

use std::{path::PathBuf, sync::Arc, time::Duration};

use http::{Uri, uri::Scheme};
use nova_core::{
    Environment, is_loopback,
    token::{AUDIENCE, ISSUER, KeySet, TokenRules, TokenSecret},
};

use super::{Identity, IdentityKeys, Jwks, read_file};
use crate::failure::Failure;

/// Who signs access tokens, and what they must say. One of the three sources of keys is needed.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "identity")]
#[command(next_help_heading = "Identity")]
pub struct IdentityArgs {
    /// Where the issuer publishes its keys: the URL of a JSON Web Key Set (RS256, ES256, `EdDSA`).
    #[arg(long = "token-jwks-url", env = "NOVA_TOKEN_JWKS_URL", value_name = "NOVA_TOKEN_JWKS_URL")]
    jwks_url: Option<String>,

    /// PEM file with certificates of authorities to believe for that URL, beside the public ones.
    #[arg(long = "token-jwks-ca", env = "NOVA_TOKEN_JWKS_CA", value_name = "NOVA_TOKEN_JWKS_CA")]
    jwks_ca: Option<PathBuf>,

    /// How often the keys are fetched without any need, in seconds.
    #[arg(long = "token-jwks-refresh-secs", env = "NOVA_TOKEN_JWKS_REFRESH_SECS", value_name = "NOVA_TOKEN_JWKS_REFRESH_SECS",
          default_value_t = 600, value_parser = clap::value_parser!(u64).range(60..=86_400))]
    jwks_refresh_secs: u64,

    /// PEM file with the issuer's public keys (RSA, P-256 or Ed25519; at most 4), where it publishes none.
    #[arg(long = "token-public-key", env = "NOVA_TOKEN_PUBLIC_KEY", value_name = "NOVA_TOKEN_PUBLIC_KEY")]
    public_key: Option<PathBuf>,

    /// Secret that signs access tokens (HS256), at least 32 bytes: with `NOVA_ENVIRONMENT=development` only. Set the
    /// variable; an argument is there for every user of the machine to see.
    #[arg(long = "token-secret", env = "NOVA_TOKEN_SECRET", hide_env_values = true, value_name = "NOVA_TOKEN_SECRET",
          value_parser = Hidden::from_text)]
    secret: Option<Hidden>,

    /// What `iss` must be in a token.
    #[arg(long = "token-issuer", env = "NOVA_TOKEN_ISSUER", value_name = "NOVA_TOKEN_ISSUER", default_value = ISSUER)]
    issuer: String,

    /// What `aud` must be in a token, or have in it.
    #[arg(long = "token-audience", env = "NOVA_TOKEN_AUDIENCE", value_name = "NOVA_TOKEN_AUDIENCE", default_value = AUDIENCE)]
    audience: String,

    /// By how much the issuer's clock may differ from ours, in seconds (0 to 300).
    #[arg(long = "token-leeway-secs", env = "NOVA_TOKEN_LEEWAY_SECS", value_name = "NOVA_TOKEN_LEEWAY_SECS",
          default_value_t = 30, value_parser = clap::value_parser!(u64).range(..=300))]
    leeway_secs: u64,
}

/// Text that never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hidden(pub(crate) String);

impl Hidden {
    #[expect(clippy::unnecessary_wraps, reason = "the shape of a value parser")]
    pub(crate) fn from_text(text: &str) -> Result<Self, std::convert::Infallible> {
        Ok(Self(text.to_owned()))
    }

    /// The secret that `variable` holds.
    pub(crate) fn secret(&self, variable: &str) -> Result<TokenSecret, Failure> {
        TokenSecret::new(self.0.as_str()).map_err(|error| Failure::Config(format!("{variable}: {error}")))
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden(..)")
    }
}

const SECRET: &str = "NOVA_TOKEN_SECRET";
const PUBLIC_KEY: &str = "NOVA_TOKEN_PUBLIC_KEY";
const JWKS_URL: &str = "NOVA_TOKEN_JWKS_URL";

impl IdentityArgs {
    /// What was set, if it goes together and is allowed in `environment`.
    ///
    /// # Errors
    /// [`Failure::Config`] names the variable and says what to set.
    pub fn identity(&self, environment: &Environment) -> Result<Identity, Failure> {
        let wrong = |text: String| Err(Failure::Config(text));
        let sources = [
            (SECRET, self.secret.is_some()),
            (PUBLIC_KEY, self.public_key.is_some()),
            (JWKS_URL, self.jwks_url.is_some()),
        ];
        let named: Vec<_> = sources.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
        let development = environment.is_development();
        if self.secret.is_some() && !development {
            return wrong(format!(
                "{SECRET}: tokens signed with a shared secret (HS256) are for NOVA_ENVIRONMENT=development, and this is {environment}: \
                 set {JWKS_URL} or {PUBLIC_KEY} instead (and NOVA_CURSOR_SECRET for the gateway's cursors)"
            ));
        }
        let keys = match named[..] {
            [] => {
                let secret = if development { format!(", or {SECRET}") } else { String::new() };
                return wrong(format!(
                    "nothing to verify tokens with: set {JWKS_URL} (where the issuer publishes its keys) or {PUBLIC_KEY} (a PEM file){secret}"
                ));
            }
            [_] => self.keys(development)?,
            _ => return wrong(format!("{}: set one of them", named.join(", "))),
        };
        if self.jwks_ca.is_some() && self.jwks_url.is_none() {
            return wrong(format!("NOVA_TOKEN_JWKS_CA: belongs to {JWKS_URL}, which is not set"));
        }
        let rules = TokenRules {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            leeway: Duration::from_secs(self.leeway_secs),
        };
        Ok(Identity { keys, rules })
    }

    /// The secret of development, which may serve for cursors too.
    pub(crate) fn token_secret(&self) -> Option<&Hidden> {
        self.secret.as_ref()
    }

    fn keys(&self, development: bool) -> Result<IdentityKeys, Failure> {
        if let Some(secret) = &self.secret {
            return Ok(IdentityKeys::Secret(secret.secret(SECRET)?));
        }
        if let Some(path) = &self.public_key {
            let keys = KeySet::from_pem(&read_file(PUBLIC_KEY, path)?);
            let keys = keys.map_err(|error| Failure::Config(format!("{PUBLIC_KEY}: {}: {error}", path.display())))?;
            return Ok(IdentityKeys::Fixed(Arc::new(keys)));
        }
        let url = url(self.jwks_url.as_deref().unwrap_or_default(), development)
            .map_err(|why| Failure::Config(format!("{JWKS_URL}: {why}")))?;
        Ok(IdentityKeys::Published(Jwks {
            url,
            ca: self.jwks_ca.clone(),
            refresh: Duration::from_secs(self.jwks_refresh_secs),
        }))
    }
}

/// The URL of a key set. Whoever can change what comes from there can sign tokens, so it comes over TLS, or from this machine.
fn url(text: &str, development: bool) -> Result<Uri, String> {
    let example = "an example: https://issuer.example/.well-known/jwks.json";
    let url: Uri = text.parse().map_err(|error| format!("{error}; {example}"))?;
    if url.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("a URL with a password is not supported".into());
    }
    let local = url.host().is_some_and(is_loopback);
    match url.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => Ok(url),
        Some(scheme) if *scheme == Scheme::HTTP && (local || development) => Ok(url),
        Some(scheme) if *scheme == Scheme::HTTP => Err(format!("{url}: keys from another machine come over https://")),
        _ => Err(format!("neither https:// nor http://; {example}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        identity: IdentityArgs,
    }

    const LONG: &str = "0123456789abcdef0123456789abcdef";

    fn identity(environment: &str, arguments: &[&str]) -> Result<Identity, String> {
        let cli = Cli::try_parse_from([&["nova"], arguments].concat()).map_err(|error| error.to_string())?;
        assert!(!format!("{cli:?}").contains(LONG), "a secret shows itself");
        cli.identity.identity(&environment.parse().unwrap()).map_err(|failure| {
            assert_eq!(failure.exit_code(), 78);
            failure.to_string()
        })
    }

    #[test]
    fn a_shared_secret_is_for_development() {
        assert!(identity("development", &["--token-secret", LONG]).is_ok());
        for environment in ["production", "staging", "Development", ""] {
            let refusal = identity(environment, &["--token-secret", LONG]).unwrap_err();
            for part in
                ["NOVA_TOKEN_SECRET", "NOVA_ENVIRONMENT=development", JWKS_URL, PUBLIC_KEY, "NOVA_CURSOR_SECRET"]
            {
                assert!(refusal.contains(part), "{part} in {refusal}");
            }
            assert!(!refusal.contains(LONG));
        }
    }

    #[test]
    fn one_source_of_keys_is_needed() {
        let url = ["--token-jwks-url", "https://issuer.example/keys"];
        assert!(identity("production", &url).is_ok());
        for (environment, arguments, parts) in [
            ("production", &[][..], &[JWKS_URL, PUBLIC_KEY][..]),
            ("development", &[], &[JWKS_URL, PUBLIC_KEY, SECRET]),
            ("development", &[&url[..], &["--token-secret", LONG]].concat(), &[JWKS_URL, SECRET, "one of"]),
            (
                "production",
                &[&url[..], &["--token-public-key", "/dev/null"]].concat(),
                &[JWKS_URL, PUBLIC_KEY, "one of"],
            ),
            ("development", &["--token-secret", "short"], &[SECRET, "32 bytes"]),
            ("production", &["--token-public-key", "/nowhere"], &[PUBLIC_KEY, "/nowhere"]),
            ("production", &["--token-public-key", "/dev/null"], &[PUBLIC_KEY, "no PUBLIC KEY"]),
            ("development", &["--token-secret", LONG, "--token-jwks-ca", "ca.pem"], &["NOVA_TOKEN_JWKS_CA", JWKS_URL]),
        ] {
            let refusal = identity(environment, arguments).unwrap_err();
            assert!(parts.iter().all(|part| refusal.contains(part)), "{refusal}");
        }
    }

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        let with = |environment, url| identity(environment, &["--token-jwks-url", url]);
        for good in
            ["https://issuer.example/keys", "http://127.0.0.1:1/keys", "http://localhost/keys", "http://[::1]:1/"]
        {
            assert!(with("production", good).is_ok(), "{good}");
        }
        assert!(with("development", "http://issuer:8080/keys").is_ok());
        for bad in [
            "http://issuer.example/keys",
            "ftp://issuer.example/",
            "/keys",
            "issuer.example",
            "",
            "https://u:p@issuer.example/",
            "http://127.0.0.1.evil.example/",
        ] {
            let refusal = with("production", bad).unwrap_err();
            assert!(refusal.starts_with(JWKS_URL) && !refusal.contains("u:p"), "{refusal}");
        }
    }

    #[test]
    fn rules_have_defaults_and_bounds() {
        let rules = |arguments: &[&str]| {
            identity("development", &[&["--token-secret", LONG], arguments].concat()).map(|identity| identity.rules)
        };
        assert_eq!(rules(&[]), Ok(TokenRules::default()));
        let changed =
            rules(&["--token-issuer", "https://id.example", "--token-audience", "nova", "--token-leeway-secs", "0"]);
        let expected =
            TokenRules { issuer: "https://id.example".into(), audience: "nova".into(), leeway: Duration::ZERO };
        assert_eq!(changed, Ok(expected));
        assert!(rules(&["--token-leeway-secs", "301"]).unwrap_err().contains("NOVA_TOKEN_LEEWAY_SECS"));
        assert!(rules(&["--token-jwks-refresh-secs", "59"]).unwrap_err().contains("NOVA_TOKEN_JWKS_REFRESH_SECS"));
    }
}
