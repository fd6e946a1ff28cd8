//! Whether both sides run the same statements: the database's own numbers for them, seen in its list of activities. The
//! numbers do not depend on spaces or parameters.

use std::{collections::HashMap, time::Duration};

use nova_cli::say;
use sqlx::PgPool;
use tokio::{sync::oneshot, task::JoinHandle, time::interval};

use super::plain::APPLICATION;

const EVERY: Duration = Duration::from_millis(20);
/// The folding of counters, and whether the store answers, are the backend's own business, not a request's.
const STATEMENTS: &str = "
    select distinct application_name = $1, query_id, left(query, 500) from pg_stat_activity
    where datname = current_database() and application_name in ('nova-backend', $1) and query_id is not null
        and query not like '%fold_counter_deltas%' and query <> 'select 1' and query not like '%current_setting%'";

/// By who ran it (the plain handler or not) and the database's number: the text.
type Seen = HashMap<(bool, i64), String>;

/// Looks at what runs until it is asked what it saw.
pub(super) struct Watch {
    enough: oneshot::Sender<()>,
    seen: JoinHandle<Seen>,
}

impl Watch {
    pub(super) fn start(pool: PgPool) -> Self {
        let (enough, asked) = oneshot::channel();
        Self { enough, seen: tokio::spawn(look(pool, asked)) }
    }

    /// How many statements only one side ran; `None` when the database does not number statements.
    pub(super) async fn differing(self) -> Option<u32> {
        let _ = self.enough.send(());
        let seen = self.seen.await.ok()?;
        let mut alone = 0;
        for ((is_plain, id), text) in &seen {
            if !seen.contains_key(&(!is_plain, *id)) {
                say::step(format_args!("only {} ran: {text}", if *is_plain { "the plain handler" } else { "nova" }));
                alone += 1;
            }
        }
        let both = [true, false].iter().all(|side| seen.keys().any(|(is_plain, _)| is_plain == side));
        both.then_some(alone)
    }
}

async fn look(pool: PgPool, mut asked: oneshot::Receiver<()>) -> Seen {
    let mut seen = Seen::new();
    let mut ticks = interval(EVERY);
    loop {
        tokio::select! {
            _ = &mut asked => return seen,
            _ = ticks.tick() => {
                let rows = sqlx::query_as::<_, (bool, i64, String)>(STATEMENTS).bind(APPLICATION).fetch_all(&pool).await;
                seen.extend(rows.unwrap_or_default().into_iter().map(|(is_plain, id, text)| ((is_plain, id), text)));
            }
        }
    }
}
