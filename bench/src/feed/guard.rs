//! What the door takes of a warm feed, as the debug view says: the look-up of the document, its weighing with the variables, the
//! limits and the budget. Asked one at a time, so that nothing else is in it.

use bytes::Bytes;
use nova_cli::{clock::SystemClock, failure::Failure, token::mint};
use nova_core::token::TokenType;
use serde_json::Value;

use super::Feeds;
use crate::{
    client::{Ask, Client, bearers},
    world::{TOKEN_TTL, World},
};

/// Requests of a run.
const REQUESTS: usize = 200;

/// Microseconds: the median of each run.
pub(super) async fn measure(world: &World, client: &Client, feeds: &Feeds, runs: u32) -> Result<Vec<f64>, Failure> {
    let viewer = world.viewers.first().copied().ok_or_else(|| Failure::Internal("the world has no viewer".into()))?;
    let token = mint(&world.secret, &SystemClock, viewer, TokenType::Access, "debug", TOKEN_TTL);
    let tokens = bearers(&[token.map_err(|error| Failure::Internal(error.to_string()))?])?;
    let asks: Vec<_> = tokens.iter().map(|token| Ask { debug: true, ..feeds.of(token) }).collect();
    let mut medians = Vec::new();
    for _ in 0..runs {
        let mut times = Vec::with_capacity(REQUESTS);
        let mut connection = client.connect().await;
        for ask in asks.iter().cycle().take(REQUESTS) {
            let answer = client.ask(&mut connection, ask).await;
            times.push(answer.as_ref().and_then(micros).ok_or_else(|| Failure::Internal("no debug view".into()))?);
        }
        times.sort_by(f64::total_cmp);
        medians.push(times[REQUESTS / 2]);
    }
    Ok(medians)
}

fn micros(answer: &Bytes) -> Option<f64> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let stages = &answer["extensions"]["debug"]["stagesMs"];
    Some((stages["parse"].as_f64()? + stages["limits"].as_f64()?) * 1e3)
}
