//! What a disk can do wrong, and two writers of one copy.

use std::{os::unix::fs::PermissionsExt as _, thread};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

fn origin(environment: &str) -> Origin {
    Origin { url: "https://unleash.example/api".into(), environment: environment.into() }
}

fn copy(directory: &TempDir) -> DiskCopy {
    DiskCopy::new(directory.path().join("flags.json"), origin("production"))
}

fn features(names: &[&str]) -> Box<RawValue> {
    let features: Vec<_> = names.iter().map(|name| json!({"name": name, "enabled": true, "strategies": []})).collect();
    serde_json::value::to_raw_value(&json!({"version": 2, "features": features})).unwrap()
}

fn refusal(copy: &DiskCopy) -> String {
    copy.read().unwrap_err().to_string()
}

#[test]
fn what_is_written_is_read_and_is_nobody_elses_business() {
    let directory = TempDir::new().unwrap();
    let copy = copy(&directory);
    assert!(copy.read().unwrap().is_none(), "none yet");
    copy.write(&features(&["a", "b"])).unwrap();
    let answer = copy.read().unwrap().unwrap();
    assert_eq!((answer.features.features.len(), answer.text.get()), (2, features(&["a", "b"]).get()));
    copy.write(&features(&["a"])).unwrap();
    assert_eq!(copy.read().unwrap().unwrap().features.features.len(), 1);
    let metadata = fs::metadata(copy.path()).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn what_this_build_does_not_know_comes_back_all_the_same() {
    let directory = TempDir::new().unwrap();
    let constraint = json!({"contextName": "x", "operator": "OF_NEXT_YEAR", "values": ["1"], "odd": [1, {"a": null}]});
    let strategy = json!({"name": "s", "constraints": [constraint]});
    let text = json!({"version": 2, "features": [{"name": "a", "enabled": true, "strategies": [strategy]}]});
    copy(&directory).write(&serde_json::value::to_raw_value(&text).unwrap()).unwrap();
    let answer = copy(&directory).read().unwrap().unwrap();
    assert_eq!(serde_json::from_str::<Value>(answer.text.get()).unwrap(), text);
}

#[test]
fn a_damaged_copy_is_not_used() {
    let directory = TempDir::new().unwrap();
    let copy = copy(&directory);
    copy.write(&features(&["a", "b"])).unwrap();
    let whole = fs::read(copy.path()).unwrap();
    for length in 0..whole.len() {
        fs::write(copy.path(), &whole[..length]).unwrap();
        assert!(refusal(&copy).starts_with("it is damaged, or something else (line "), "{length} bytes");
    }
    for text in
        ["null", "[]", "\u{0}", r#"{"format":1}"#, r#"{"format":1,"origin":{"url":"","environment":""},"features":3}"#]
    {
        fs::write(copy.path(), text).unwrap();
        assert!(copy.read().is_err(), "{text}");
    }
    fs::write(copy.path(), [&whole[..], b"}"].concat()).unwrap();
    assert!(refusal(&copy).contains("damaged"));
    fs::write(copy.path(), vec![b' '; (9 << 20) + 1]).unwrap();
    assert!(refusal(&copy).contains("more than"));
}

#[test]
fn a_copy_of_another_format_or_of_somebody_else_is_not_used() {
    let directory = TempDir::new().unwrap();
    let copy = copy(&directory);
    fs::write(copy.path(), r#"{"format":2,"whatever":[]}"#).unwrap();
    assert_eq!(refusal(&copy), "its format is 2, and this build reads format 1");
    copy.write(&features(&["a"])).unwrap();
    let staging = DiskCopy::new(copy.path().to_owned(), origin("staging"));
    let message = refusal(&staging);
    for part in ["environment production", "environment staging", "https://unleash.example/api", "NOVA_FLAGS_CACHE"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    let elsewhere = Origin { url: "https://other.example/api".into(), ..origin("production") };
    assert!(refusal(&DiskCopy::new(copy.path().to_owned(), elsewhere)).contains("https://other.example/api"));
}

#[test]
fn a_place_that_is_no_place_for_a_file_is_an_error_and_nothing_else() {
    let directory = TempDir::new().unwrap();
    let at = |path: PathBuf| DiskCopy::new(path, origin("production"));
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [directory.path().join("missing/flags.json"), file.join("flags.json"), directory.path().to_owned()] {
        let refusal = || at(path.clone()).write(&features(&["a"])).unwrap_err().to_string();
        assert_eq!(refusal(), refusal(), "one cause is one message");
        assert!(!refusal().contains("nova-flags"), "{}", refusal());
    }
    assert_eq!(refusal(&at(directory.path().to_owned())), "it can't be read: not a file");
    assert!(refusal(&at(file.join("flags.json"))).starts_with("it can't be read: "));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn nobody_sees_half_a_copy_while_two_write() {
    let directory = TempDir::new().unwrap();
    let names: Vec<String> = (0..500).map(|number| format!("some.flag-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (long, short) = (features(&names), features(&["a"]));
    copy(&directory).write(&short).unwrap();
    thread::scope(|scope| {
        let writers = [&long, &short].map(|text| {
            let copy = copy(&directory);
            scope.spawn(move || (0..200).for_each(|_| copy.write(text).unwrap()))
        });
        let mut seen = [0, 0];
        while !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
            let count = copy(&directory).read().unwrap().unwrap().features.features.len();
            assert!(count == 1 || count == 500, "{count}");
            seen[usize::from(count == 500)] += 1;
        }
        assert!(seen.iter().sum::<u32>() > 0);
    });
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}
