//! What may be set, and what is said of the rest.

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    flags: Config,
}

const URL: [&str; 2] = ["--unleash-url", "https://unleash.example"];

fn settings(environment: &str, arguments: &[&str]) -> Result<Settings, String> {
    let cli = Cli::try_parse_from([&["nova"], arguments].concat()).map_err(|error| error.to_string())?;
    assert!(!format!("{cli:?}").contains("secret"), "a token shows itself");
    let settings = cli.flags.settings(&environment.parse().unwrap(), "1.2.3", || "made-up".into());
    settings.map_err(|error| error.to_string())
}

fn with(environment: &str, arguments: &[&str]) -> Result<Settings, String> {
    settings(environment, &[&URL[..], arguments].concat())
}

#[test]
fn without_anything_there_is_no_unleash() {
    let settings = settings("production", &[]).unwrap();
    assert!(settings.unleash.is_none() && settings.file.is_none());
    assert_eq!((settings.poll, settings.usage), (Duration::from_secs(2), Duration::from_mins(1)));
    let instance = settings.instance;
    assert_eq!(
        [&*instance.app_name, &instance.instance_id, &instance.environment, &instance.app_version],
        ["nova-gateway", "made-up", "production", "1.2.3"]
    );
}

#[test]
fn a_token_is_for_the_environment_that_is_set() {
    let token = |token| ["--unleash-token", token];
    for (environment, good) in [
        ("production", "default:production.secret"),
        ("production", "*:production.secret.with.dots"),
        ("development", "[]:development.secret"),
        ("eu.production", "default:eu.production.secret"),
        ("production", "of-the-time-before-environments-secret"),
    ] {
        let settings = with(environment, &token(good)).unwrap();
        assert_eq!(settings.unleash.unwrap().token.expose(), good);
    }
    for (environment, bad, named) in [
        ("production", "default:development.secret", "\"development\""),
        ("production", "*:*.secret", "\"*\""),
        ("production", "default:production2.secret", "\"production2\""),
        ("production", "default:Production.secret", "\"Production\""),
    ] {
        let refusal = with(environment, &token(bad)).unwrap_err();
        for part in ["UNLEASH_TOKEN", "UNLEASH_ENVIRONMENT", "NOVA_ENVIRONMENT", named, "\"production\""] {
            assert!(refusal.contains(part), "{part} in {refusal}");
        }
        assert!(!refusal.contains("secret"), "{refusal}");
    }
    let other = ["--unleash-token", "default:blue.secret", "--unleash-environment", "blue"];
    let settings = with("production", &other).unwrap();
    assert_eq!((&*settings.instance.environment, &*settings.unleash.unwrap().environment), ("blue", "blue"));
}

#[test]
fn what_belongs_together_is_set_together() {
    let token = ["--unleash-token", "default:production.secret"];
    for (arguments, parts) in [
        (&URL[..], &["UNLEASH_TOKEN", "UNLEASH_URL"]),
        (&token, &["UNLEASH_TOKEN", "UNLEASH_URL"]),
        (&["--unleash-ca", "ca.pem"], &["UNLEASH_CA", "UNLEASH_URL"]),
    ] {
        let refusal = settings("production", arguments).unwrap_err();
        assert!(parts.iter().all(|part| refusal.contains(part)), "{refusal}");
    }
    for bad in ["", "with a space secret", "with-a-line-end-secret\n"] {
        let refusal = with("production", &["--unleash-token", bad]).unwrap_err();
        assert!(refusal.starts_with("UNLEASH_TOKEN") && !refusal.contains("secret"), "{refusal}");
    }
    let empty = with("production", &[&token[..], &["--unleash-environment", ""]].concat()).unwrap_err();
    assert!(empty.starts_with("UNLEASH_ENVIRONMENT"), "{empty}");
}

#[test]
fn the_url_is_the_servers_or_its_apis() {
    let url = |environment, url| {
        let arguments = ["--unleash-url", url, "--unleash-token", "secret"];
        settings(environment, &arguments).map(|settings| settings.unleash.unwrap().api_url)
    };
    for (good, api) in [
        ("https://unleash.example", "https://unleash.example/api"),
        ("https://unleash.example/", "https://unleash.example/api"),
        ("https://unleash.example/api", "https://unleash.example/api"),
        ("https://unleash.example/api/", "https://unleash.example/api"),
        ("https://unleash.example/behind/a/path", "https://unleash.example/behind/a/path/api"),
        ("http://127.0.0.1:4242", "http://127.0.0.1:4242/api"),
        ("http://localhost:4242/api", "http://localhost:4242/api"),
    ] {
        assert_eq!(url("production", good).as_deref(), Ok(api));
    }
    assert_eq!(url("development", "http://unleash:4242").as_deref(), Ok("http://unleash:4242/api"));
    for bad in [
        "http://unleash.example",
        "ftp://unleash.example",
        "unleash.example",
        "",
        "/api",
        "https://u:p@unleash.example",
        "https://unleash.example/api?x=1",
        "https://unleash.example/api/client/features",
    ] {
        let refusal = url("production", bad).unwrap_err();
        assert!(refusal.starts_with("UNLEASH_URL: ") && !refusal.contains("u:p"), "{refusal}");
    }
}

#[test]
fn numbers_and_names_have_bounds() {
    for (argument, value, variable) in [
        ("--flags-poll-ms", "99", "NOVA_FLAGS_POLL_MS"),
        ("--flags-poll-ms", "60001", "NOVA_FLAGS_POLL_MS"),
        ("--flags-usage-secs", "0", "NOVA_FLAGS_USAGE_SECS"),
        ("--app-name", "", "NOVA_APP_NAME"),
        ("--instance-id", "a b", "NOVA_INSTANCE_ID"),
        ("--region", "\n", "NOVA_REGION"),
    ] {
        let refusal = settings("production", &[argument, value]).unwrap_err();
        assert!(refusal.contains(variable), "{refusal}");
    }
}
