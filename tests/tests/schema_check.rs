//! `nova schema` prints the contract; `nova schema check` says what became of one that clients build on.
#![expect(clippy::unwrap_used, reason = "a test's helpers have nothing to go on with either")]

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::NamedTempFile;

const COMMITTED: &str = include_str!("../../schema.graphql");

#[expect(clippy::disallowed_methods, reason = "the tests' composition root")]
fn nova(arguments: &[&str]) -> Output {
    let Ok(binary) = std::env::var("NOVA_BIN") else { panic!("NOVA_BIN names no binary. Run `./nova test`") };
    Command::new(binary).args(arguments).output().unwrap()
}

fn check(against: &Path, more: &[&str]) -> (i32, String, String) {
    let output = nova(&[&["schema", "check", "--against", against.to_str().unwrap()], more].concat());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn without_more_it_prints_the_contract() {
    assert_eq!(String::from_utf8(nova(&["schema"]).stdout).unwrap(), COMMITTED);
}

#[test]
fn against_itself_there_is_no_change() {
    let (code, said, _) = check(file(COMMITTED).path(), &[]);
    assert_eq!((code, said.as_str()), (0, ""));
}

#[test]
fn each_change_is_named_with_its_class_and_a_breaking_one_is_exit_code_1() {
    // What clients build on has a field that is gone, and lacks two things that have come.
    let bio = "  \"What the user says about themselves.\"\n  bio: String\n";
    let video = "  \"A recorded video.\"\n  VIDEO\n";
    let old = COMMITTED.replace(bio, "").replace(video, "");
    assert_eq!(COMMITTED.len(), old.len() + bio.len() + video.len());
    let (code, said, _) = check(file(&old).path(), &[]);
    assert_eq!((code, said.as_str()), (0, "dangerous  ContentType.VIDEO: added\nsafe       User.bio: added\n"));

    let old = file(&old.replace("  isVerified: Boolean!\n", "  isVerified: Boolean!\n  karma: Int\n"));
    let (code, said, told) = check(old.path(), &[]);
    assert_eq!(code, 1);
    assert!(said.starts_with("breaking   User.karma: removed\ndangerous"), "{said}");
    assert!(told.contains("1 breaking, 1 dangerous, 1 safe"), "{told}");

    let (code, said, _) = check(old.path(), &["--json"]);
    assert_eq!(code, 1);
    let expected = json!({
        "breaking": 1,
        "dangerous": 1,
        "safe": 1,
        "changes": [
            { "class": "breaking", "path": "User.karma", "change": "removed" },
            { "class": "dangerous", "path": "ContentType.VIDEO", "change": "added" },
            { "class": "safe", "path": "User.bio", "change": "added" },
        ],
    });
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap(), expected);
}

#[test]
fn a_file_that_is_no_schema_is_told_so() {
    for (text, said) in [
        ("", "not a GraphQL schema"),
        ("type Query {", "not a GraphQL schema: line 1: unexpected end of file"),
        ("type User { id: ID }", "not a GraphQL schema: it has no query type"),
    ] {
        let (code, _, told) = check(file(text).path(), &[]);
        assert_eq!(code, 65, "{told}");
        assert!(told.contains(said), "{told}");
    }
    let binary = tempfile::tempdir().unwrap();
    let path = binary.path().join("schema");
    std::fs::write(&path, b"\xff\xfe\x00").unwrap();
    assert_eq!(check(&path, &[]).0, 65);
    assert_eq!(check(Path::new("/nowhere/schema.graphql"), &[]).0, 66);
    assert_eq!(check(binary.path(), &[]).0, 66);
}
