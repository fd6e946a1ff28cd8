//! The house: each room may use only the rooms below it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use cargo_metadata::MetadataCommand;

/// Each room, and the rooms that it may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("proto", &["core"]),
    ("flags", &["core"]),
    ("guard", &[]),
    ("loaders", &["flags", "guard", "proto", "core"]),
    ("resolvers", &["loaders", "core"]),
    ("gateway", &["resolvers", "loaders", "flags", "guard", "core"]),
    ("migrations", &[]),
    ("backend", &["flags", "guard", "proto", "core"]),
    ("cli", &["gateway", "resolvers", "loaders", "backend", "flags", "guard", "migrations", "proto", "core"]),
    ("tests", &["cli", "gateway", "resolvers", "loaders", "backend", "flags", "guard", "migrations", "proto", "core"]),
    (
        "bench",
        &[
            "tests",
            "cli",
            "gateway",
            "resolvers",
            "loaders",
            "backend",
            "flags",
            "guard",
            "migrations",
            "proto",
            "core",
        ],
    ),
];

#[test]
fn a_room_uses_only_rooms_below_it() {
    let may_use: BTreeMap<&str, BTreeSet<&str>> =
        MAY_USE.iter().map(|(room, below)| (*room, below.iter().copied().collect())).collect();
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let mut rooms = BTreeSet::new();
    for package in &metadata.packages {
        let room = package.name.strip_prefix("nova-").unwrap_or_else(|| panic!("{} is no room", package.name));
        let allowed = may_use.get(room).unwrap_or_else(|| panic!("{room} has no place in the house yet"));
        for dependency in &package.dependencies {
            if let Some(below) = dependency.name.strip_prefix("nova-") {
                assert!(allowed.contains(below), "{room} uses {below}, which is not below it");
            }
        }
        rooms.insert(room.to_owned());
    }
    assert_eq!(rooms.iter().map(String::as_str).collect::<BTreeSet<_>>(), may_use.keys().copied().collect());
}

#[test]
fn the_table_itself_goes_one_way() {
    for (room, below) in MAY_USE {
        for other in *below {
            let theirs = MAY_USE.iter().find(|(name, _)| name == other).map(|(_, below)| *below).unwrap();
            assert!(!theirs.contains(room), "{room} and {other} use each other");
        }
    }
}

/// What makes a connection to the store, or gives one away.
const CONNECTIONS: &[&str] = &["PgPool", "PgConnection", "PgListener", "connect_with", "connect_lazy", "Transaction<"];

#[test]
fn in_the_backend_only_the_pool_has_connections() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../backend/src");
    let mut folders = vec![source.clone()];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // What leaves it is a lease: a type that has no way to its connection.
                if path != source.join("pool") {
                    folders.push(path);
                }
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            read += 1;
            for word in CONNECTIONS {
                assert!(!text.contains(word), "{} has {word}", path.display());
            }
        }
    }
    assert!(read > 20);
}
