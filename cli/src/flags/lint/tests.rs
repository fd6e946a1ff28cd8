//! Each finding on trees made for it, and none on this checkout. No flag of the real catalogue begins with `made.`, so that the
//! lint does not find its own tests.

use std::path::PathBuf;

use nova_flags::{Equivalence, Kind, ReadIn, Scope};

use super::*;

const TODAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();

/// A flag that ends on the day of the tests.
static FLAG: Flag = Flag {
    name: "made.some-thing",
    accessor: "made_some_thing",
    scope: Scope::Request,
    read_in: ReadIn::Gateway,
    equivalence: Equivalence::Same,
    kind: Kind::Release,
    default: true,
    owner: "o",
    end: Some("2026-11-23"),
    off: ".",
    on: ".",
    payload: &[],
};
/// Code that reads it.
const READER: (&str, &str) = ("loaders/src/x.rs", "fn f(policy: &Policy) {\n    policy.made_some_thing()\n}\n");

fn found(files: &[(&str, &str)], today: NaiveDate) -> Vec<String> {
    let file = |(path, text): &(&str, &str)| SourceFile { path: (*path).to_owned(), text: (*text).to_owned() };
    let files: Vec<_> = files.iter().map(file).collect();
    lint(&files, [&FLAG].into_iter(), today).iter().map(Finding::to_string).collect()
}

fn names_in(text: &str) -> Vec<String> {
    found(&[READER, ("docs/x.md", text)], TODAY)
}

#[test]
fn this_checkout_has_no_unknown_names_and_no_flag_without_effect() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let files = files::read(&root).unwrap();
    assert!(files.iter().any(|file| file.path == CATALOGUE_FILE), "the checkout was read");
    // Its ends are a matter of the day on which somebody asks: `nova flags lint` does.
    let findings: Vec<_> = lint(&files, CATALOGUE.iter(), NaiveDate::MIN).iter().map(Finding::to_string).collect();
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn a_name_that_no_catalogue_has_is_found_where_it_stands() {
    let wrong = "made.some-thin";
    for text in [format!("`{wrong}`"), format!("see \"{wrong}\""), format!("'{wrong}'"), format!("\\\"{wrong}\\\"")] {
        assert_eq!(names_in(&format!("first\n{text}")), [format!("docs/x.md:2: no flag is called {wrong}")], "{text}");
    }
    assert_eq!(names_in(&format!("`{wrong}` and `{wrong}2`")).len(), 2);
}

#[test]
fn what_only_looks_like_a_flag_is_not_found() {
    for text in [
        "`made.some-thing`",
        "`made.rs`, `made.toml`",
        "made.other",
        "`made.other()`",
        "`x.made.other`",
        "`made.other.more`",
        "`made.snake_case`",
        "`made.Other`",
        "`made.`, `made.-x`, `made.x-`",
        "`nova_made.other`",
        "`other.some-thing`",
        "`made.other\"",
        "`made.other",
    ] {
        assert_eq!(names_in(text), [""; 0], "{text}");
    }
}

#[test]
fn a_flag_that_nothing_reads_is_found_in_the_catalogue() {
    let catalogue = (CATALOGUE_FILE, "\n  MadeSomeThing made_some_thing \"made.some-thing\" {\n");
    let what = "made.some-thing has no effect: nothing calls `made_some_thing()`";
    assert_eq!(found(&[catalogue], TODAY), [format!("{CATALOGUE_FILE}:2: {what}")]);
    for (path, text) in [
        ("flags/src/x.rs", READER.1),
        ("tests/tests/x.rs", READER.1),
        ("bench/src/x.rs", READER.1),
        ("loaders/src/x/tests.rs", READER.1),
        ("docs/x.md", READER.1),
        ("loaders/src/x.rs", "// policy.made_some_thing()"),
        ("loaders/src/x.rs", "policy.made_some_thing_else()"),
        ("loaders/src/x.rs", "policy.not_made_some_thing()"),
        ("loaders/src/x.rs", "fn made_some_thing() {}"),
        ("loaders/src/x.rs", "#[cfg(test)]\nmod tests {\n    policy.made_some_thing()\n}"),
    ] {
        assert_eq!(found(&[(path, text)], TODAY).len(), 1, "{path}: {text}");
    }
    for text in [
        READER.1,
        "policy\n    .made_some_thing()",
        "map(Policy::made_some_thing)",
        "#[cfg(test)]\nuse x;\np.made_some_thing()",
    ] {
        assert_eq!(found(&[("loaders/src/x.rs", text)], TODAY), [""; 0], "{text}");
    }
}

#[test]
fn a_flag_past_its_end_is_found_from_the_next_day_on() {
    assert_eq!(found(&[READER], TODAY), [""; 0]);
    let what = "made.some-thing was to be gone by 2026-11-23";
    assert_eq!(found(&[READER], TODAY.succ_opt().unwrap()), [format!("{CATALOGUE_FILE}:1: {what}")]);
}

#[test]
fn what_is_no_checkout_is_told_so() {
    let failure = lint_checkout(&PathBuf::from("/nowhere"), TODAY).unwrap_err();
    assert_eq!(failure.exit_code(), 66);
    assert!(failure.to_string().contains("/nowhere is no checkout"), "{failure}");
}
