//! An ordinary client: it asks at a steady rate, whether or not the gateway keeps up, half of the time on a connection that it
//! keeps and half on a new one. Latency counts from the moment at which a request was meant to be sent.

use std::{cell::RefCell, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use nova_cli::failure::Failure;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{
    client::{Ask, Client, Connection, bearers},
    outcome::Outcome,
    world::World,
};

/// On a connection that is kept, and on a new one.
const KINDS: usize = 2;

pub(super) struct Ordinary {
    client: Client,
    /// One for each kind.
    asks: [Ask; KINDS],
    rate: u32,
    /// Connections that are free.
    kept: RefCell<Vec<Connection>>,
}

impl Ordinary {
    pub(super) fn new(world: &World, rate: u32) -> Result<Self, Failure> {
        let nobody = || Failure::Internal("there are no viewers".into());
        let authorization = bearers(&world.tokens)?.into_iter().next().ok_or_else(nobody)?;
        let ask = |kind| Ask {
            kind,
            authorization: authorization.clone(),
            body: Bytes::from_static(br#"{"query":"{ viewer { username } }"}"#),
            begins: Bytes::from_static(br#"{"data":{"viewer":{"username":""#),
            debug: false,
        };
        let client = Client::new("nova", world.address)?;
        Ok(Self { client, asks: [ask(0), ask(1)], rate: rate.max(1), kept: RefCell::default() })
    }

    /// Asks for so long, and waits for the last answer.
    pub(super) async fn run(&self, time: Duration) -> Outcome {
        let start = Instant::now();
        let mut outcome = Outcome::none(KINDS);
        let mut ticks = interval(Duration::from_secs(1) / self.rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut open = FuturesUnordered::new();
        let mut kinds = (0..KINDS).cycle();
        while start.elapsed() < time {
            tokio::select! {
                intended = ticks.tick() => open.push(self.ask(intended, kinds.next().unwrap_or_default())),
                Some(seen) = open.next() => outcome.add(&seen),
            }
        }
        while let Some(seen) = open.next().await {
            outcome.add(&seen);
        }
        outcome.took = start.elapsed();
        outcome
    }

    async fn ask(&self, intended: Instant, kind: usize) -> Outcome {
        let mut outcome = Outcome::none(KINDS);
        let kept = if kind == 0 { self.kept.borrow_mut().pop() } else { None };
        let is_kept = kept.is_some();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.client.connect().await,
        };
        let ask = &self.asks[kind];
        let mut answer = self.client.ask(&mut connection, ask).await;
        if answer.is_none() && is_kept {
            // As every client does: a connection that was idle may have ended meanwhile.
            connection = self.client.connect().await;
            answer = self.client.ask(&mut connection, ask).await;
        }
        match answer {
            Some(body) if ask.is_answered_by(&body) => {
                outcome.answer(kind, body.len(), intended.elapsed());
                if kind == 0 {
                    self.kept.borrow_mut().push(connection);
                }
            }
            Some(body) if body.starts_with(br#"{"data":"#) => outcome.wrong += 1,
            _ => outcome.failed += 1,
        }
        outcome
    }
}
