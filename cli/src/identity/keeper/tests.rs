//! When an issuer is asked, and what its answers change. Time is paused: it moves when everybody waits.

use futures_util::future::join_all;
use tokio::time::advance;

use super::*;

/// What the issuer does when it is asked.
#[derive(Clone)]
enum Answer {
    Says(&'static str),
    Slowly(&'static str, Duration),
    Refuses,
    Hangs,
}

#[derive(Clone)]
struct Issuer(Arc<Mutex<(Answer, u32)>>);

impl Issuer {
    fn new(answer: Answer) -> Self {
        Self(Arc::new(Mutex::new((answer, 0))))
    }

    fn set(&self, answer: Answer) {
        self.0.lock().0 = answer;
    }

    fn asked(&self) -> u32 {
        self.0.lock().1
    }

    fn keeper(&self) -> Keeper {
        let schedule = Schedule { refresh: Duration::from_mins(10), jitter: || 0.5 };
        Keeper::start(self.clone(), schedule, Metrics::default())
    }
}

impl Fetch for Issuer {
    async fn fetch(&self) -> Result<Bytes, FetchError> {
        let answer = {
            let mut state = self.0.lock();
            state.1 += 1;
            state.0.clone()
        };
        match answer {
            Answer::Says(text) => Ok(Bytes::from_static(text.as_bytes())),
            Answer::Slowly(text, time) => {
                sleep(time).await;
                Ok(Bytes::from_static(text.as_bytes()))
            }
            Answer::Refuses => Err(FetchError::Unreachable("connection refused".into())),
            Answer::Hangs => std::future::pending().await,
        }
    }
}

const ONE: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
const TWO: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// Lets everybody who can go on go on, without time passing.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

fn kid(keeper: &Keeper) -> String {
    format!("{:?}", keeper.keys())
}

#[tokio::test(start_paused = true)]
async fn keys_come_in_the_background_and_again_at_the_interval() {
    let issuer = Issuer::new(Answer::Says(ONE));
    let keeper = issuer.keeper();
    assert!(keeper.keys().is_none(), "a start waits for nobody");
    settle().await;
    let first = keeper.keys().unwrap();
    advance(Duration::from_secs(599)).await;
    settle().await;
    assert_eq!(issuer.asked(), 1);
    advance(Duration::from_secs(1)).await;
    settle().await;
    assert_eq!(issuer.asked(), 2);
    assert!(Arc::ptr_eq(&first, &keeper.keys().unwrap()), "the same keys are the same keys");
    issuer.set(Answer::Says(TWO));
    advance(Duration::from_mins(10)).await;
    settle().await;
    assert!(kid(&keeper).contains("\"2\""), "{}", kid(&keeper));
    drop(keeper);
    advance(Duration::from_hours(1)).await;
    settle().await;
    assert_eq!(issuer.asked(), 3, "nobody asks for a keeper that is gone");
}

#[tokio::test(start_paused = true)]
async fn missed_keys_bring_one_fetch_a_minute() {
    let issuer = Issuer::new(Answer::Says(ONE));
    let keeper = issuer.keeper();
    settle().await;
    let start = Instant::now();
    issuer.set(Answer::Slowly(TWO, Duration::from_millis(300)));
    join_all((0..100).map(|_| keeper.missed())).await;
    assert_eq!(issuer.asked(), 2, "one for all");
    assert!(kid(&keeper).contains("\"2\""), "and all have waited for it");
    assert_eq!(start.elapsed(), Duration::from_millis(300));
    for _ in 0..100 {
        keeper.missed().await;
    }
    assert_eq!((issuer.asked(), start.elapsed()), (2, Duration::from_millis(300)), "no other within the minute");
    advance(Duration::from_millis(59_699)).await;
    keeper.missed().await;
    assert_eq!(issuer.asked(), 2);
    advance(Duration::from_millis(1)).await;
    keeper.missed().await;
    assert_eq!(issuer.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_began_before_the_rotation_is_not_the_last_word() {
    let issuer = Issuer::new(Answer::Says(ONE));
    let keeper = issuer.keeper();
    settle().await;
    issuer.set(Answer::Slowly(ONE, Duration::from_millis(500)));
    advance(Duration::from_mins(10)).await;
    settle().await;
    assert_eq!(issuer.asked(), 2, "one is under way");
    issuer.set(Answer::Says(TWO));
    keeper.missed().await;
    assert_eq!(issuer.asked(), 3);
    assert!(kid(&keeper).contains("\"2\""), "{}", kid(&keeper));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_has_a_deadline() {
    let issuer = Issuer::new(Answer::Hangs);
    let keeper = issuer.keeper();
    settle().await;
    let start = Instant::now();
    join_all((0..1_000).map(|_| keeper.missed())).await;
    assert_eq!((start.elapsed(), issuer.asked()), (PATIENCE, 1));
    assert!(keeper.keys().is_none());
    issuer.set(Answer::Says(ONE));
    // The hanging one is given up after 5 s, and the next one is a second later.
    advance(FETCH + FIRST_RETRY).await;
    settle().await;
    advance(FIRST_RETRY).await;
    settle().await;
    assert!(keeper.keys().is_some());
    assert_eq!((keeper.shared.metrics.fetches("timeout"), keeper.shared.metrics.fetches("ok")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_was_good_stays_while_the_issuer_is_away_or_talks_nonsense() {
    let issuer = Issuer::new(Answer::Says(ONE));
    let keeper = issuer.keeper();
    settle().await;
    for (answer, outcome) in [
        (Answer::Refuses, "unreachable"),
        (Answer::Says("<html>"), "garbage"),
        (Answer::Says(r#"{"keys":[]}"#), "garbage"),
        (Answer::Says(r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#), "garbage"),
    ] {
        issuer.set(answer);
        advance(Duration::from_mins(10)).await;
        settle().await;
        assert!(keeper.shared.metrics.fetches(outcome) > 0, "{outcome}");
        assert!(kid(&keeper).contains("\"1\""), "{}", kid(&keeper));
    }
    // It is asked again, less and less often, but once a minute at least.
    let asked = issuer.asked();
    for _ in 0..60 {
        advance(Duration::from_mins(1)).await;
        settle().await;
    }
    assert!((55..=65).contains(&(issuer.asked() - asked)), "{}", issuer.asked() - asked);
    issuer.set(Answer::Says(TWO));
    advance(Duration::from_mins(1)).await;
    settle().await;
    assert!(kid(&keeper).contains("\"2\""), "{}", kid(&keeper));
}

#[test]
fn pauses_grow_and_differ() {
    let pause = |jitter, failures| Schedule { refresh: Duration::from_mins(10), jitter }.pause(failures).as_millis();
    assert_eq!([0, 1, 2, 3, 7, 100].map(|n| pause(|| 0.5, n)), [600_000, 1_000, 2_000, 4_000, 60_000, 60_000]);
    assert_eq!((pause(|| 0.0, 0), pause(|| 1.0, 0)), (540_000, 660_000));
}
