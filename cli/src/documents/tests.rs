//! Documents built of files, as client developers have them.

use proptest::{collection::btree_set, prelude::*};
use tempfile::TempDir;

use super::*;

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    directory
}

/// The manifest, or what is wrong, with file names as in `files`.
fn built(files: &[(&str, &str)], format: Format) -> Result<String, String> {
    let directory = directory(files);
    let sources = Sources::read(&[directory.path().to_owned()]).map_err(|failure| failure.to_string())?;
    match documents(&sources, &checker().unwrap()) {
        Ok(documents) => Ok(write::manifest(&documents, format)),
        Err(problems) => {
            let prefix = format!("{}/", directory.path().display());
            let lines: Vec<_> = problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect();
            Err(lines.join("\n"))
        }
    }
}

const AUTHOR: &str = "# Who wrote it.\nfragment Author on User {\n  username\n}\n";

#[test]
fn a_document_has_its_fragments_from_other_files_and_no_more() {
    let files = [
        (
            "feed/feed.graphql",
            "\u{feff}# The feed.\nquery Feed { feed { nodes { ...Card } } }\n\nmutation Like($input: LikePostInput!) { likePost(input: $input) { post { likeCount } } }",
        ),
        ("feed/card.gql", "fragment Card on Post { body author { ...Author } }"),
        ("author.graphql", AUTHOR),
        ("unused.graphql", "fragment Unused on User { id }"),
        ("notes.txt", "not GraphQL"),
    ];
    let manifest = built(&files, Format::Apollo).unwrap();
    let parsed = Manifest::parse(manifest.as_bytes()).unwrap();
    let texts: Vec<_> = parsed.entries().iter().map(|entry| (entry.name.as_deref().unwrap(), &*entry.text)).collect();
    assert_eq!(
        texts,
        [
            (
                "Feed",
                "query Feed { feed { nodes { ...Card } } }\n\nfragment Author on User {\n  username\n}\n\nfragment Card on Post { body author { ...Author } }"
            ),
            ("Like", "mutation Like($input: LikePostInput!) { likePost(input: $input) { post { likeCount } } }"),
        ]
    );
    assert!(manifest.contains(r#""type": "mutation""#) && manifest.ends_with("}\n"));
    let relay = Manifest::parse(built(&files, Format::Relay).unwrap().as_bytes()).unwrap();
    assert_eq!(relay.entries().len(), 2);
    for entry in parsed.entries() {
        assert!(relay.entries().iter().any(|other| other.id == entry.id && other.text == entry.text));
    }
}

#[test]
fn whatever_is_wrong_is_told_with_file_and_line() {
    for (files, told) in [
        (&[("a.graphql", "query A {\n  viewer { id }\n")][..], "a.graphql:2: unexpected end of file"),
        (&[("a.graphql", "query A { viewer { id } }\n\ntype T { a: Int }")], "a.graphql:3: unexpected type"),
        (&[("a.graphql", "\n{ viewer { id } }")], "a.graphql:2: an operation needs a name"),
        (
            &[("a.graphql", "query A { viewer { id } }"), ("b.graphql", "\n\nquery A { viewer { id } }")],
            "b.graphql:3: operation A is there twice: the first is in a.graphql:1",
        ),
        (
            &[("a.graphql", "query A { viewer { ...F } }"), ("b.graphql", "fragment F on User {\n id\n ...G\n}")],
            "b.graphql:3: there is no fragment G",
        ),
        (
            &[
                ("a.graphql", "query A { viewer { ...F } }\nquery B { viewer { ...F } }"),
                ("b.graphql", "\nfragment F on User {\n id\n nonsense\n}"),
            ],
            "b.graphql:4: Unknown field \"nonsense\" on type \"User\".",
        ),
        (
            &[("a.graphql", "\nquery A($x: Int) {\n viewer { nope } }")],
            "a.graphql:2: Variable \"$x\" is not used by operation \"A\"\na.graphql:3: Unknown field \"nope\"",
        ),
        (&[("a.graphql", AUTHOR)], "a.graphql:1: there is no operation"),
        (&[("a.graphql", "")], "a.graphql:1: there is no operation"),
        (
            &[("a.graphql", "query A { viewer { ...F } }\nfragment F on User { ...G }\nfragment G on User { ...F }")],
            "a.graphql:",
        ),
        (&[("a.txt", "")], "documents: there is no .graphql or .gql file"),
    ] {
        let refusal = built(files, Format::Apollo).unwrap_err();
        assert!(refusal.starts_with(told), "{refusal}\ninstead of\n{told}");
    }
}

#[test]
fn what_can_not_be_read_is_told() {
    let told = |path: &Path| Sources::read(&[path.to_owned()]).unwrap_err();
    assert_eq!(told(Path::new("/nowhere")).exit_code(), 66);
    let binary = directory(&[]);
    std::fs::write(binary.path().join("a.gql"), b"\xff").unwrap();
    assert_eq!(told(binary.path()).exit_code(), 65);
    let large = directory(&[("a.gql", &" ".repeat(4 * 1024 * 1024 + 1))]);
    assert_eq!(told(large.path()).exit_code(), 65);
}

#[test]
fn a_link_that_goes_round_is_not_followed() {
    let directory = directory(&[("a/a.graphql", "query A { viewer { id } }")]);
    std::os::unix::fs::symlink(directory.path(), directory.path().join("a/round")).unwrap();
    assert_eq!(Sources::read(&[directory.path().to_owned()]).unwrap().files.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However operations and fragments are spread over files, the manifest is the same, and a gateway takes it.
    #[test]
    fn the_manifest_does_not_depend_on_the_files(
        names in btree_set("[A-Z][a-z]{1,4}", 1..6), cuts in proptest::collection::vec(0..4_usize, 16),
    ) {
        let mut definitions: Vec<String> = names.iter().map(|name| format!("query {name} {{ viewer {{ ...F{name} }} }}")).collect();
        definitions.extend(names.iter().map(|name| format!("fragment F{name} on User {{ id }}")));
        let whole = built(&[("all.graphql", &definitions.join("\n"))], Format::Relay).unwrap();
        let mut files = [const { String::new() }; 4];
        for (definition, cut) in definitions.iter().zip(cuts.iter().cycle()) {
            files[*cut].push_str(definition);
            files[*cut].push('\n');
        }
        let files: Vec<_> = ["a.gql", "b.gql", "c/d.graphql", "e.graphql"].into_iter().zip(files.iter().map(String::as_str)).collect();
        prop_assert_eq!(built(&files, Format::Relay).unwrap(), whole.clone());
        prop_assert_eq!(Manifest::parse(whole.as_bytes()).unwrap().entries().len(), names.len());
    }

    #[test]
    fn no_file_makes_it_panic(text in "[a-zA-Z{}()$:!.\"#@ \\n\u{e9}]{0,80}") {
        let _ = built(&[("a.graphql", &text)], Format::Apollo);
        let _ = built(&[("a.graphql", &format!("query A {{ {text} }}"))], Format::Apollo);
    }
}
