//! What holds when sources are good, bad, late or gone.

use http::StatusCode;
use serde_json::json;
use tokio::time::Instant;

use super::{
    fake::{self, Answers, Fake, Place, off},
    *,
};
use crate::{Caller, source::SyncError};

const BATCHING: Answers = Answers::Off(&["loaders.batching"]);
const OTHERS: Answers = Answers::Off(&["jobs.sweep"]);
const DOWN: Answers = Answers::Fails(|| SyncError::Unreachable("connection refused".into()));

async fn seconds(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn unleash_is_asked_from_the_start_on_and_every_two_seconds() {
    let (place, unleash) = (Place::new(), Fake::new(BATCHING));
    let start = Instant::now();
    let process = place.start(&unleash).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(process.is_at(Source::Unleash, false));
    unleash.set(OTHERS);
    seconds(3).await;
    assert!(process.is_at(Source::Unleash, true));
    seconds(58).await;
    assert_eq!(unleash.asked("/api/client/features").len(), 31);
    let status = process.status.snapshot();
    let shown = serde_json::to_value(status).unwrap();
    let expected =
        json!({"source": "unleash", "syncAgeSeconds": 1.0, "failures": 0, "lastError": null, "diskError": null});
    assert_eq!(shown, expected);
    assert!(process.metrics().contains("nova_flags_sync_age_seconds 1.0"), "{}", process.metrics());
    drop(process);
    seconds(60).await;
    assert_eq!(unleash.asked("/api/client/features").len(), 31, "nobody asks for a keeper that is gone");
}

#[tokio::test(start_paused = true)]
async fn a_start_without_unleash_uses_the_next_source_that_there_is() {
    let place = Place::new();
    let (up, down, hanging) = (Fake::new(BATCHING), Fake::new(DOWN), Fake::new(Answers::Hangs));
    assert!(place.start(&down).await.is_at(Source::Catalogue, true));
    let place = place.with_file(&off(&["jobs.sweep"]));
    let process = place.start(&down).await;
    assert!(process.is_at(Source::Bootstrap, true) && !process.flags.process().jobs_sweep());
    // Once Unleash has answered, its answer is there for the next start.
    place.start(&up).await.keeper.stop().await;
    let start = Instant::now();
    let process = place.start(&down).await;
    assert!(process.is_at(Source::Disk, false) && process.flags.process().jobs_sweep());
    assert_eq!(start.elapsed(), Duration::ZERO);
    let status = process.status.snapshot();
    let error = status.last_error.unwrap();
    assert_eq!((status.failures, status.sync_age_seconds, error.reason), (1, None, "unreachable"));
    assert_eq!(error.message, "Unleash does not answer: connection refused");
    assert!(!process.metrics().contains("sync_age"), "there is none yet");
    // One that hangs is waited for, and not long.
    let process = place.start(&hanging).await;
    assert_eq!(start.elapsed(), Duration::from_secs(1));
    assert!(process.is_at(Source::Disk, false));
    // Without Unleash a copy of it is not asked.
    assert!(place.try_start(None).await.unwrap().is_at(Source::Bootstrap, true));
}

#[tokio::test(start_paused = true)]
async fn whatever_unleash_does_later_what_was_good_holds() {
    let (place, unleash) = (Place::new(), Fake::new(BATCHING));
    let process = place.start(&unleash).await;
    for (bad, reason, message) in [
        (DOWN, "unreachable", "Unleash does not answer: connection refused"),
        (
            Answers::Fails(|| SyncError::Denied(StatusCode::UNAUTHORIZED)),
            "status",
            "UNLEASH_TOKEN was refused by Unleash (401)",
        ),
        (
            Answers::Fails(|| SyncError::Status(StatusCode::INTERNAL_SERVER_ERROR)),
            "status",
            "Unleash answers 500 Internal Server Error",
        ),
        (Answers::Fails(|| SyncError::TooLarge), "too_large", "more than 8 MiB"),
        (Answers::Fails(|| SyncError::Timeout(Duration::from_millis(1_500))), "timeout", "within 1500 ms"),
        (Answers::Says("<html>"), "garbage", "no list of flags (line 1, column 1)"),
        (Answers::Says(r#"{"version":2,"features":[{"name":7}]}"#), "garbage", "no list of flags (line 1"),
        (Answers::Says(r#"{"version":2,"features":[]}"#), "foreign", "`nova flags sync`"),
        (Answers::Off(&["somebody.elses"]), "foreign", "`nova flags sync`"),
    ] {
        unleash.set(bad);
        seconds(15).await;
        assert!(process.is_at(Source::Unleash, false), "{message}");
        let status = process.status.snapshot();
        let error = status.last_error.unwrap();
        assert!(status.failures > 1 && status.sync_age_seconds > Some(10.0), "{message}");
        assert!(error.reason == reason && error.message.contains(message), "{error:?}");
        let counted = format!("nova_flags_sync_failures_total{{reason=\"{reason}\"}}");
        assert!(process.metrics().contains(&counted), "{counted}");
        unleash.set(BATCHING);
        seconds(15).await;
        let status = process.status.snapshot();
        assert!(status.failures == 0 && status.sync_age_seconds < Some(3.0) && status.last_error.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_asked_less_often_while_it_is_away_and_soon_again() {
    let (place, unleash) = (Place::new(), Fake::new(DOWN));
    let _process = place.start(&unleash).await;
    seconds(60).await;
    let asked: Vec<_> = unleash.asked("/features").iter().map(|(at, _)| *at).collect();
    let pauses: Vec<_> = asked.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert_eq!(pauses, [2, 4, 8, 10, 10, 10, 10]);
    unleash.set(BATCHING);
    seconds(10).await;
    let before = unleash.asked("/features").len();
    seconds(20).await;
    assert_eq!(unleash.asked("/features").len() - before, 10);
}

#[test]
fn pauses_differ_by_a_fifth() {
    let pause = |poll, random, failures| Schedule { poll, random }.pause(failures).as_millis();
    let poll = Duration::from_secs(2);
    assert_eq!((pause(poll, || 0.0, 0), pause(poll, || 1.0, 0)), (1_600, 2_400));
    assert_eq!((pause(poll, || 0.0, u32::MAX), pause(poll, || 1.0, u32::MAX)), (8_000, 12_000));
    assert_eq!(pause(Duration::from_mins(1), || 0.5, 9), 60_000, "never more often than without failures");
}

#[tokio::test(start_paused = true)]
async fn nothing_new_is_good_news() {
    let (place, unleash) = (Place::new(), Fake::new(BATCHING));
    let process = place.start(&unleash).await;
    unleash.set(Answers::Same);
    seconds(61).await;
    let status = process.status.snapshot();
    assert_eq!((status.sync_age_seconds, status.failures), (Some(1.0), 0));
    assert!(process.is_at(Source::Unleash, false));
}

#[tokio::test(start_paused = true)]
async fn flags_that_nobody_knows_are_passed_over() {
    let (place, unleash) = (Place::new(), Fake::new(Answers::Off(&["somebody.elses", "loaders.batching"])));
    assert!(place.start(&unleash).await.is_at(Source::Unleash, false));
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_no_use_is_not_used_and_says_why() {
    let (up, down) = (Fake::new(BATCHING), Fake::new(DOWN));
    let mut place = Place::new().with_file(&off(&["jobs.sweep"]));
    let path = place.cache.clone().unwrap();
    let refusal = |process: &fake::Process| {
        assert!(process.is_at(Source::Bootstrap, true));
        assert!(process.metrics().contains("nova_flags_disk_errors_total 1"), "{}", process.metrics());
        let problem = process.status.snapshot().disk_error.unwrap();
        assert!(problem.reason == "unusable" && problem.message.starts_with(&path.display().to_string()));
        problem.message
    };
    place.start(&up).await.keeper.stop().await;
    let good = std::fs::read_to_string(&path).unwrap();
    for (text, part) in [
        (&good[..good.len() / 2], "is not used: it is damaged"),
        ("", "is not used: it is damaged"),
        (&good.replace("\"format\":1", "\"format\":7"), "its format is 7"),
        (&good.replace("loaders.batching", "somebody.elses"), "none of 1 flags there is one of ours"),
    ] {
        std::fs::write(&path, text).unwrap();
        let message = refusal(&place.start(&down).await);
        assert!(message.contains(part), "{message}");
    }
    std::fs::write(&path, &good).unwrap();
    place.environment = "staging";
    let message = refusal(&place.start(&down).await);
    assert!(message.contains("environment production") && message.contains("environment staging"), "{message}");
    // The next good answer takes its place.
    place.environment = "production";
    std::fs::write(&path, "damaged").unwrap();
    let process = place.start(&up).await;
    seconds(1).await;
    assert_eq!(process.status.snapshot().disk_error, None);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), good);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_takes_nothing_costs_a_warning() {
    let unleash = Fake::new(BATCHING);
    let mut place = Place::new().with_file("{}");
    // As root, a file where a directory should be is what a disk mounted for reading only is to others.
    let (file, later) = (place.file.take().unwrap(), place.directory.path().join("later"));
    place.cache = Some(file.join("copy.json"));
    let process = place.start(&unleash).await;
    seconds(5).await;
    assert!(process.is_at(Source::Unleash, false));
    let problem = process.status.snapshot().disk_error.unwrap();
    assert!(problem.reason == "unwritable" && problem.message.contains("copy.json can't be written: "), "{problem:?}");
    unleash.set(OTHERS);
    seconds(5).await;
    assert!(process.is_at(Source::Unleash, true), "flags go on");
    // One that is mended is written to, though nothing has changed since.
    place.cache = Some(later.join("copy.json"));
    let process = place.start(&unleash).await;
    unleash.set(Answers::Same);
    seconds(5).await;
    assert!(process.status.snapshot().disk_error.is_some());
    std::fs::create_dir(&later).unwrap();
    seconds(61).await;
    assert_eq!(process.status.snapshot().disk_error, None);
    assert!(later.join("copy.json").exists());
    drop(process);
    assert!(place.start(&Fake::new(DOWN)).await.is_at(Source::Disk, true));
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_written_when_it_is_another_one() {
    let (place, unleash) = (Place::new(), Fake::new(BATCHING));
    let path = place.cache.clone().unwrap();
    let process = place.start(&unleash).await;
    seconds(5).await;
    std::fs::remove_file(&path).unwrap();
    seconds(30).await;
    assert!(!path.exists(), "the same answer again is not written");
    unleash.set(OTHERS);
    seconds(5).await;
    assert!(path.exists());
    process.keeper.stop().await;
}

#[tokio::test(start_paused = true)]
async fn two_gateways_share_a_copy() {
    let (place, unleash) = (Place::new(), Fake::new(BATCHING));
    let (one, two) = (place.start(&unleash).await, place.start(&unleash).await);
    for round in 0..50 {
        unleash.set(if round % 2 == 0 { OTHERS } else { BATCHING });
        seconds(3).await;
        let reader = place.start(&Fake::new(DOWN)).await;
        assert_eq!(reader.status.snapshot().disk_error, None);
        assert!(reader.is_at(Source::Disk, round % 2 == 0));
    }
    for process in [one, two] {
        assert!(process.metrics().contains("nova_flags_disk_errors_total 0"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_bootstrap_file_of_no_use_stops_the_start() {
    let unleash = Fake::new(BATCHING);
    let mut place = Place::new();
    for (path, part) in
        [(place.directory.path().join("none"), "No such file"), (place.directory.path().into(), "not a file")]
    {
        place.file = Some(path);
        for unleash in [None, Some(&unleash)] {
            let refusal = place.try_start(unleash).await.err().unwrap().to_string();
            assert!(refusal.starts_with("NOVA_FLAGS_FILE: /") && refusal.contains(part), "{refusal}");
        }
    }
    for (text, part) in [
        ("", "not in the format of Unleash's /api/client/features (line 1, column 0)"),
        ("{\"features\":[]}", "not in the format"),
        (&off(&[]), "none of 0 flags"),
        (&off(&["somebody.elses"]), "none of 1 flags"),
    ] {
        place = place.with_file(text);
        let refusal = place.try_start(None).await.err().unwrap().to_string();
        assert!(refusal.starts_with("NOVA_FLAGS_FILE: /") && refusal.contains(part), "{refusal}");
    }
}

#[tokio::test(start_paused = true)]
async fn usage_is_reported_and_what_could_not_be_sent_is_sent_later() {
    let (place, unleash) = (Place::new(), Fake::new(BATCHING));
    let process = place.start(&unleash).await;
    let decide = |times| (0..times).for_each(|_| drop(process.flags.decide(Caller::default())));
    let bucket = |report: usize| unleash.asked("/api/client/metrics")[report].1.clone().unwrap()["bucket"].clone();
    seconds(1).await;
    assert_eq!(unleash.asked("/api/client/register").len(), 1);
    decide(3);
    seconds(60).await;
    let report = unleash.asked("/api/client/metrics")[0].1.clone().unwrap();
    assert_eq!((&report["appName"], &report["instanceId"]), (&json!("nova-gateway"), &json!("one")));
    assert_eq!(bucket(0)["toggles"]["loaders.batching"], json!({"yes": 0, "no": 3}));
    assert_eq!(bucket(0)["toggles"]["jobs.sweep"], json!({"yes": 3, "no": 0}));
    assert_eq!(
        (&bucket(0)["start"], &bucket(0)["stop"]),
        (&json!("1970-01-01T00:00:00Z"), &json!("1970-01-01T00:01:00Z"))
    );
    // While reports are not taken, counts add up; and nothing is sent when there is nothing to say.
    unleash.takes_reports(false);
    decide(4);
    seconds(60).await;
    decide(5);
    seconds(60).await;
    assert_eq!(bucket(2)["toggles"]["loaders.batching"], json!({"yes": 0, "no": 9}));
    unleash.takes_reports(true);
    seconds(60).await;
    assert_eq!(bucket(3)["toggles"]["loaders.batching"], json!({"yes": 0, "no": 9}));
    assert_eq!(
        (&bucket(3)["start"], &bucket(3)["stop"]),
        (&json!("1970-01-01T00:01:00Z"), &json!("1970-01-01T00:04:00Z"))
    );
    seconds(120).await;
    assert_eq!(unleash.asked("/api/client/metrics").len(), 4);
    decide(2);
    process.keeper.stop().await;
    assert_eq!(bucket(4)["toggles"]["loaders.batching"], json!({"yes": 0, "no": 2}));
}

#[tokio::test(start_paused = true)]
async fn a_process_is_made_known_once_and_that_is_tried_again() {
    let (place, unleash) = (Place::new(), Fake::new(DOWN));
    unleash.takes_reports(false);
    let process = place.start(&unleash).await;
    seconds(121).await;
    unleash.takes_reports(true);
    seconds(240).await;
    let registered = unleash.asked("/api/client/register");
    assert_eq!(registered.len(), 4, "three in vain, and one that was taken");
    assert_eq!(registered[0].1.as_ref().unwrap()["appName"], "nova-gateway");
    let start = Instant::now();
    process.keeper.stop().await;
    assert_eq!(start.elapsed(), Duration::ZERO, "nothing to say");
}
