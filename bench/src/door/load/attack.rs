//! The attacks. Each goes on until its time ends: who is cut or refused comes back.

use std::{collections::BTreeMap, io, time::Duration};

use futures_util::future::join_all;
use nova_tests::bombs::bombs;
use tokio::{
    runtime::Builder,
    time::{Instant, sleep_until},
};

use super::{
    attacker::{Attacker, PAUSE, Tally, Target},
    http2,
};

/// The pause between two bytes of who sends slowly.
const TRICKLE: Duration = Duration::from_secs(1);
/// The pause of who sent a megabyte, before he does it again.
const REST: Duration = Duration::from_secs(5);
/// What is sent at a time of a body without end.
const CHUNK: usize = 64 * 1024;
/// A body that is just not too large, in bytes.
const NEARLY_FULL: usize = 1024 * 1024 - 1;
/// The size of the larger bombs, in bytes.
const BOMB_BYTES: usize = 10_000;
/// Values of a body that may just be.
const MOST_VALUES: usize = 32_000;
/// Fields of a head of HTTP/2 that may just be: of 32 KiB each takes 33 bytes.
const MOST_FIELDS: usize = 900;
/// And of HTTP/1.1, besides four others: hyper takes 100, in 64 KiB.
const FIELDS: usize = 95;
const FIELD_BYTES: usize = 650;
/// A body that is too large, in bytes.
const GIGABYTE: usize = 1_000_000_000;

/// What is done to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attack {
    /// Heads that are never ended, a byte a second.
    SlowHeads,
    /// Bodies of a megabyte, the last of it a byte a second.
    SlowBodies,
    /// Bodies of a gigabyte, half of them said to be so long and half in chunks.
    HugeBodies,
    /// Five thousand operations in one body, where ten may be: all are parsed before they are refused.
    Batches,
    /// Bodies of small values: a megabyte of them, which is refused, and as many as may be.
    ManyValues,
    /// Heads that are as large as may be and have a body that does not come: one on each connection of HTTP/1.1, 100 on one of
    /// HTTP/2.
    FullHeads,
    /// The documents that the static guard is held against.
    Bombs,
    /// Requests for large answers of which nothing is taken, or a byte, 16 on each connection of HTTP/2.
    SlowReaders,
}

impl Attack {
    pub(super) const ALL: [Self; 8] = [
        Self::SlowHeads,
        Self::SlowBodies,
        Self::HugeBodies,
        Self::Batches,
        Self::ManyValues,
        Self::FullHeads,
        Self::Bombs,
        Self::SlowReaders,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SlowHeads => "slow_heads",
            Self::SlowBodies => "slow_bodies",
            Self::HugeBodies => "huge_bodies",
            Self::Batches => "batches",
            Self::ManyValues => "many_values",
            Self::FullHeads => "full_heads",
            Self::Bombs => "bombs",
            Self::SlowReaders => "slow_readers",
        }
    }

    /// At a time.
    pub(super) fn attackers(self) -> u32 {
        match self {
            Self::SlowHeads => 10_000,
            Self::SlowBodies | Self::Bombs => 1_000,
            Self::SlowReaders | Self::FullHeads => 100,
            Self::HugeBodies | Self::ManyValues => 16,
            Self::Batches => 8,
        }
    }

    /// Goes on until it is time to end, on this thread; answers how often what happened.
    pub(super) fn run_here(self, attackers: u32, target: &Target) -> io::Result<BTreeMap<String, u32>> {
        let (requests, tally) = (self.requests(&target.token), Tally::default());
        let each = (0..attackers).zip(requests.iter().cycle()).map(|(number, request)| {
            let tally = &tally;
            async move {
                while Instant::now() < target.end {
                    self.once(number, request, target, tally).await;
                }
            }
        });
        Builder::new_current_thread().enable_all().build()?.block_on(join_all(each));
        Ok(tally.counts())
    }

    /// What is sent at once: each attacker the next of them.
    fn requests(self, token: &str) -> Vec<Vec<u8>> {
        let request = match self {
            Self::SlowHeads => b"POST /graphql HTTP/1.1\r\nhost: localhost\r\nx-slow: ".to_vec(),
            Self::SlowBodies => {
                let mut request = head(token, &format!("content-length: {NEARLY_FULL}"));
                request.resize(request.len() + NEARLY_FULL - 1_000, b' ');
                request
            }
            Self::HugeBodies => Vec::new(),
            Self::Batches => {
                let operations = vec![r#"{"query":"{ viewer { username } }"}"#; 5_000];
                post(token, &format!("[{}]", operations.join(",")))
            }
            Self::ManyValues => {
                let of = |count: usize| {
                    let list = vec!["1"; count].join(",");
                    post(token, &format!(r#"{{"query":"{{ viewer {{ username }} }}","variables":{{"v":[{list}]}}}}"#))
                };
                return vec![of(500_000), of(MOST_VALUES)];
            }
            Self::FullHeads => {
                let fields = format!("x:{}\r\n", "x".repeat(FIELD_BYTES)).repeat(FIELDS);
                let http1 = head(token, &format!("{fields}content-length: 1000"));
                return vec![http1, http2::heads(token, MOST_FIELDS, 100)];
            }
            Self::Bombs => {
                return bombs(BOMB_BYTES).iter().map(|bomb| post(token, &bomb.request().to_string())).collect();
            }
            Self::SlowReaders => {
                let schema = "{ __schema { types { name description } } }";
                let body = format!(r#"{{"query":"{schema}"}}"#);
                return [0, 1].map(|window| http2::requests(token, &body, 16, window)).into();
            }
        };
        vec![request]
    }

    async fn once(self, number: u32, request: &[u8], target: &Target, tally: &Tally) {
        let Some(mut attacker) = Attacker::connect(target, tally).await else { return };
        let end = target.end;
        match self {
            Self::SlowHeads | Self::SlowBodies => {
                let mut goes_on = attacker.send(request).await;
                while goes_on && !attacker.answered(Instant::now() + TRICKLE).await {
                    goes_on = Instant::now() < end && attacker.send(b"x").await;
                }
                if self == Self::SlowBodies {
                    // It is about memory: bodies on end would be about bandwidth.
                    sleep_until((Instant::now() + REST).min(end)).await;
                }
            }
            Self::HugeBodies => {
                let chunk = vec![b' '; CHUNK];
                let (length, before, after) = match number % 2 {
                    0 => (format!("content-length: {GIGABYTE}"), String::new(), ""),
                    _ => ("transfer-encoding: chunked".to_owned(), format!("{CHUNK:x}\r\n"), "\r\n"),
                };
                let mut goes_on = attacker.send(&head("", &length)).await;
                let mut sent = 0;
                while goes_on && sent < GIGABYTE {
                    goes_on = attacker.send(before.as_bytes()).await
                        && attacker.send(&chunk).await
                        && attacker.send(after.as_bytes()).await;
                    sent += CHUNK;
                }
                attacker.answered(end).await;
            }
            Self::Batches | Self::ManyValues | Self::Bombs => {
                attacker.send(request).await;
                attacker.answered(end).await;
                sleep_until((Instant::now() + PAUSE).min(end)).await;
            }
            Self::SlowReaders | Self::FullHeads => {
                attacker.send(request).await;
                attacker.cut().await;
            }
        }
    }
}

fn head(token: &str, length: &str) -> Vec<u8> {
    let authorization = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{authorization}{length}\r\n\r\n"
    )
    .into_bytes()
}

fn post(token: &str, body: &str) -> Vec<u8> {
    let mut request = head(token, &format!("content-length: {}", body.len()));
    request.extend(body.as_bytes());
    request
}
