//! `nova seed --edges` makes a network around a real graph: exactly its edges, whole or not at all.
#![expect(clippy::unwrap_used, reason = "a test's helpers have nothing to go on with either")]

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::Path,
    process::{Command, Output},
};

use chrono::{DateTime, Utc};
use flate2::{Compression, write::GzEncoder};
use nova_cli::seed::{self, EdgeCounts, Progress, SeedError, Table};
use nova_tests::{
    database::TestDatabase,
    rows::{count, fingerprint, wrong_counters},
};
use sqlx::PgPool;
use tempfile::NamedTempFile;

/// As SNAP writes them, and as people edit them: comments, tabs and spaces, both ends of line, a duplicate each way round,
/// two self-loops, one of a node that has nothing else, large and padded numbers, no end of line at the end.
const LIST: &[u8] = b"# Undirected graph: friends.txt\n# Nodes: 7 Edges: 6\n# FromNodeId\tToNodeId\n\
    30\t5\n5 8\r\n\n  8   30  \n8\t5\n030 5\n#30 99\n30 30\n77 77\n5\t18446744073709551615\n0 8\n8 11\n0 11";
const PAIRS: [(u64, u64); 7] = [(30, 5), (5, 8), (8, 30), (5, u64::MAX), (0, 8), (8, 11), (0, 11)];
/// Where no server listens: who gets that far has asked the database.
const NOWHERE: &str = "postgres://nobody@127.0.0.1:1/nothing";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// Loads a list into a database of its own.
async fn loaded(list: &[u8], directed: bool) -> (TestDatabase, PgPool, EdgeCounts) {
    let database = TestDatabase::new().await;
    let list = file(list);
    let mut counts = EdgeCounts::default();
    let progress = |progress| {
        if let Progress::Read(read) = progress {
            counts = read;
        }
    };
    let summary = seed::run_edges(database.url(), list.path(), directed, 1, now(), progress).await.unwrap();
    assert_eq!((summary.rows(Table::Users), summary.rows(Table::Follows)), (counts.users, counts.follows));
    let pool = database.pool().await;
    (database, pool, counts)
}

/// Who follows whom, by the numbers of the list.
async fn follows(pool: &PgPool) -> BTreeSet<(u64, u64)> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "select a.username, b.username from follows f join users a on a.id = f.follower_id join users b on b.id = f.followee_id",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let number = |name: &str| name.strip_prefix("node").unwrap().parse().unwrap();
    rows.iter().map(|(follower, followee)| (number(follower), number(followee))).collect()
}

#[tokio::test]
async fn each_line_is_a_follow_in_both_directions() {
    let (_database, pool, counts) = loaded(LIST, false).await;
    let both = PAIRS.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]).collect();
    assert_eq!(follows(&pool).await, both);
    assert_eq!(counts, EdgeCounts { edges: 11, duplicates: 2, self_loops: 2, users: 7, follows: 14 });
    let people: Vec<String> =
        sqlx::query_scalar("select username from users order by created_at").fetch_all(&pool).await.unwrap();
    assert_eq!(people, [0, 5, 8, 11, 30, 77, u64::MAX].map(|number| format!("node{number}")));
    assert_eq!(wrong_counters(&pool).await, 0);
}

#[tokio::test]
async fn with_directed_a_line_is_one_follow() {
    let (_database, pool, counts) = loaded(LIST, true).await;
    let mut expected = BTreeSet::from(PAIRS);
    expected.insert((8, 5));
    assert_eq!(follows(&pool).await, expected);
    assert_eq!(counts, EdgeCounts { edges: 11, duplicates: 1, self_loops: 2, users: 7, follows: 8 });
}

/// Nodes in a ring, and one that everybody knows.
fn ring(nodes: u32) -> Vec<String> {
    let ring = (1..=nodes).map(|node| format!("{node} {}\n", node % nodes + 1));
    ring.chain((2..nodes).map(|node| format!("1000000\t{node}\n"))).collect()
}

#[tokio::test]
async fn people_have_profiles_and_write_and_the_counters_are_right() {
    let (_database, pool, counts) = loaded(ring(300).concat().as_bytes(), false).await;
    assert_eq!((counts.users, counts.follows), (301, 2 * 598));
    for (what, at_least) in [
        ("select count(*) from posts", 900),
        ("select count(*) from comments", 1800),
        ("select count(*) from likes", 5000),
        ("select count(distinct display_name) from users", 250),
        ("select count(*) from users where bio is not null", 50),
        ("select count(*) from users where is_verified", 3),
        ("select count(*) from users where is_verified and username = 'node1000000'", 1),
        (
            "select value from counters c join users u on u.id = c.subject_id
          where username = 'node1000000' and kind = 'followers'",
            298,
        ),
    ] {
        assert!(count(&pool, what).await >= at_least, "{what}");
    }
    let early =
        "select count(*) from follows f join users a on a.id = f.follower_id join users b on b.id = f.followee_id
        where f.created_at <= greatest(a.created_at, b.created_at)";
    assert_eq!(count(&pool, early).await, 0);
    assert_eq!(wrong_counters(&pool).await, 0);
    assert_eq!(count(&pool, "select count(*) from counter_deltas").await, 0);
}

#[tokio::test]
async fn the_same_graph_gives_the_same_rows_whatever_way_it_is_written() {
    let mut lines = ring(100);
    let (_a, one, _) = loaded(lines.concat().as_bytes(), false).await;
    lines.reverse();
    let packed = [gzip(b"# in two members\n"), gzip(lines.concat().replace(' ', "\t").as_bytes())].concat();
    let (_b, same, _) = loaded(&packed, false).await;
    let first = fingerprint(&one).await;
    assert!(first.iter().all(Option::is_some));
    assert_eq!(first, fingerprint(&same).await);
}

/// What is said of a file that is no list. Nobody asks the database before.
async fn refusal(path: &Path) -> String {
    let error = seed::run_edges(NOWHERE, path, false, 1, now(), |_| {}).await.unwrap_err();
    assert!(matches!(error, SeedError::Edges(_)), "{error:?}");
    let text = error.to_string();
    let (file, fault) = text.split_once(": ").unwrap();
    assert_eq!(file, path.display().to_string());
    fault.to_owned()
}

#[tokio::test]
async fn a_file_that_is_no_list_is_told_what_it_is() {
    let long_number = "9".repeat(70);
    let long_comment = [b"# ".repeat(40_000), b"\n1 2".to_vec()].concat();
    for (bytes, expected) in [
        (
            &b"1 2\n# x\n\n3 four\n5 6"[..],
            r#"line 4 is not an edge, for a number has digits and nothing else: "3 four""#,
        ),
        (b"1 2\r\n3\r\n", r#"line 2 is not an edge, which is two numbers with white space between: "3""#),
        (b"1 2 0.5", r#"line 1 is not an edge, which is two numbers with white space between: "1 2 0.5""#),
        (
            b"source,target\n1,2",
            r#"line 1 is not an edge, which is two numbers with white space between: "source,target""#,
        ),
        (
            "1 \u{fc}\t\"".as_bytes(),
            r#"line 1 is not an edge, which is two numbers with white space between: "1 \xc3\xbc\t\"""#,
        ),
        (
            b"1 2\n1 18446744073709551616",
            "line 2 is not an edge, for its numbers go to 18446744073709551615: \"1 18446744073709551616\"",
        ),
        (
            format!("1 {long_number}").as_bytes(),
            &format!("line 1 is not an edge, for its numbers go to 18446744073709551615: \"1 {}\" ...", "9".repeat(58)),
        ),
        (b"", "there is no edge in it (0 lines)"),
        (b"# nothing\n\n#\n", "there is no edge in it (3 lines)"),
        (&gzip(b"# nothing\n"), "there is no edge in it (1 lines)"),
        (&gzip(b"1 2\nx y\n"), r#"line 2 is not an edge, for a number has digits and nothing else: "x y""#),
        (b"\x7fELF\x02\x01\x01\x00\x00", "line 1 is not text: an edge list is text, plain or compressed with gzip"),
        (b"1 2\n\x89PNG\n", "line 2 is not text: an edge list is text, plain or compressed with gzip"),
        (b"# \x001 2\n", "line 1 is not text: an edge list is text, plain or compressed with gzip"),
        (b"\xff\xfe1\x00 \x002\x00", "line 1 is not text: an edge list is text, plain or compressed with gzip"),
        (&long_comment, "line 1 is longer than 65536 bytes"),
    ] {
        assert_eq!(refusal(file(bytes).path()).await, expected);
    }
    let mark = file(b"\xef\xbb\xbf1 2\n");
    let marked = seed::run_edges(NOWHERE, mark.path(), false, 1, now(), |_| {}).await.unwrap_err();
    assert!(!matches!(marked, SeedError::Edges(_)), "a byte order mark is no reason: {marked}");
}

#[tokio::test]
async fn a_gzip_file_is_refused_wherever_it_was_cut_or_changed() {
    let whole = gzip(ring(20).concat().as_bytes());
    for length in 2..whole.len() {
        let fault = refusal(file(&whole[..length]).path()).await;
        assert!(fault.starts_with("the gzip data are damaged or end too early"), "cut at {length}: {fault}");
    }
    let mut changed = whole.clone();
    let sum = changed.len() - 6;
    changed[sum] ^= 1;
    for bytes in [changed, [whole, b"rest".to_vec()].concat()] {
        let fault = refusal(file(&bytes).path()).await;
        assert!(fault.starts_with("the gzip data are damaged or end too early"), "{fault}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests' composition root")]
fn nova(database: &TestDatabase, list: &Path) -> Output {
    let Ok(binary) = std::env::var("NOVA_BIN") else { panic!("NOVA_BIN names no binary. Run `./nova test`") };
    Command::new(binary).arg("seed").arg("--edges").arg(list).env("DATABASE_URL", database.url()).output().unwrap()
}

#[tokio::test]
async fn the_exit_code_says_what_was_wrong_and_nothing_is_half_loaded() {
    let database = TestDatabase::new().await;
    let malformed = file(&[&b"1 2\n".repeat(3000)[..], b"1 2\t3\n"].concat());
    let cut = gzip(&b"1 2\n".repeat(3000));
    let directory = tempfile::tempdir().unwrap();
    for (list, code, said) in [
        (malformed.path(), 65, "line 3001 is not an edge"),
        (file(&cut[..cut.len() - 3]).path(), 65, "the gzip data are damaged or end too early"),
        (file(b"").path(), 65, "there is no edge in it"),
        (Path::new("/nowhere/friends.txt"), 66, "/nowhere/friends.txt: cannot open it: No such file or directory"),
        (directory.path(), 66, "cannot open it: is a directory"),
    ] {
        let output = nova(&database, list);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{errors}");
        assert!(errors.contains(said), "{errors}");
    }
    let pool = database.pool().await;
    assert!(fingerprint(&pool).await.iter().all(Option::is_none));

    let output = nova(&database, file(LIST).path());
    assert!(output.status.success());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("11 edges, 2 duplicates and 2 self-loops among them: 7 users, 14 follows"), "{told}");
    assert_eq!(count(&pool, "select count(*) from follows").await, 14);
    // And into what is there, nothing more is loaded.
    assert_eq!(nova(&database, file(LIST).path()).status.code(), Some(69));
}
