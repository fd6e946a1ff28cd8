//! `nova token`: a token for a user of the running world, alone on stdout.

use std::time::Duration;

use nova_core::{UserId, token::TokenType};
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::{
    clock::SystemClock,
    failure::Failure,
    say, token,
    world::{DataArg, RunFile, World},
};

#[derive(Debug, clap::Args)]
pub(super) struct TokenArgs {
    /// The user's name; capitals make no difference.
    #[arg(long, value_name = "NAME")]
    user: String,
    /// What the token allows beyond the ordinary: `debug`, `ops`, or both with a space between.
    #[arg(long, default_value = "")]
    scope: String,
    /// How long it is valid: a number with s, m, h or d.
    #[arg(long, default_value = "1d", value_parser = duration)]
    ttl: Duration,
    /// What it is for: an access token opens the API, a refresh token does not.
    #[arg(long = "type", value_enum, default_value_t = Kind::Access)]
    kind: Kind,
    #[command(flatten)]
    data: DataArg,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    Access,
    Refresh,
}

pub(super) async fn run(args: &TokenArgs) -> Result<(), Failure> {
    let shown = args.data.data.display();
    let not_running = || Failure::Unavailable(format!("nothing runs in {shown}; start it with `nova up`"));
    let world = World::find(&args.data.data)?.ok_or_else(not_running)?;
    let run_file = RunFile::read(&world.data)?.ok_or_else(not_running)?;
    let mut database = PgConnection::connect(&run_file.database_url).await?;
    let id: Option<Uuid> =
        sqlx::query_scalar("SELECT id FROM users WHERE lower(username) = lower($1) AND deleted_at IS NULL")
            .bind(&args.user)
            .fetch_optional(&mut database)
            .await?;
    let id = id.ok_or_else(|| Failure::NoUser(format!("there is no user {:?} in {shown}", args.user)))?;
    let kind = match args.kind {
        Kind::Access => TokenType::Access,
        Kind::Refresh => TokenType::Refresh,
    };
    let token = token::mint(&world.token_secret()?, &SystemClock, UserId(id), kind, &args.scope, args.ttl)
        .map_err(|error| Failure::Internal(error.to_string()))?;
    say::result(token);
    Ok(())
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a number with s, m, h or d, such as 15m".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = digits.parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(number) * unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_or_are_seconds() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("15m"), Ok(Duration::from_mins(15)));
        assert_eq!(duration("2d"), Ok(Duration::from_hours(48)));
        for wrong in ["", "d", "-1s", "1w", "1.5h", "99999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
