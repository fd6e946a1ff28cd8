//! Which document a request gets, for every way to ask and every side of both flags.

use nova_flags::FlagId;

use super::{asked::Ids, *};

const TRUSTED: &str = "query T { viewer { id } }";
const OTHER: &str = "{ viewer { username } }";

fn documents(manifest: bool) -> PersistedDocuments {
    let text = format!(r#"{{"{}":"{TRUSTED}","feed":"query F {{ nonsense }}"}}"#, DocumentHash::of(TRUSTED));
    let manifest = manifest.then(|| Manifest::parse(text.as_bytes()).unwrap());
    PersistedDocuments::new(manifest, 1 << 20, &mut Registry::default()).unwrap()
}

/// By hash, by hash and text, by id, by text.
fn hash(text: &str) -> Asked<'static> {
    let id = Some(DocumentHash::of(text).to_string());
    Asked::new(None, None, Ids { document_id: id, ..Ids::default() }).unwrap()
}

fn both(text: &'static str, hash: &str) -> Asked<'static> {
    let extension = serde_json::json!({"version": 1, "sha256Hash": DocumentHash::of(hash).to_string()});
    Asked::new(
        Some(text.into()),
        Some(&FromIterator::from_iter([("persistedQuery".into(), extension)])),
        Ids::default(),
    )
    .unwrap()
}

fn id(id: &str) -> Asked<'static> {
    Asked::new(None, None, Ids { id: Some(id.into()), ..Ids::default() }).unwrap()
}

fn text(text: &'static str) -> Asked<'static> {
    Asked::new(Some(text.into()), None, Ids::default()).unwrap()
}

fn policy(automatic: bool, trusted_only: bool) -> Policy {
    Policy::defaults().with(FlagId::DocumentsAutomatic, automatic).with(FlagId::DocumentsTrustedOnly, trusted_only)
}

fn found(documents: &PersistedDocuments, asked: Asked<'_>, policy: &Policy) -> Result<String, Refused> {
    let found = documents.find(asked, policy)?;
    documents.keep(&found);
    Ok(found.text().to_owned())
}

#[test]
fn automatic_documents_are_kept_when_they_are_accepted() {
    let documents = documents(false);
    let on = policy(true, false);
    assert_eq!(found(&documents, hash(OTHER), &on), Err(Refused::NotFound));
    let first = documents.find(both(OTHER, OTHER), &on).unwrap();
    assert_eq!(found(&documents, hash(OTHER), &on), Err(Refused::NotFound), "not before it was accepted");
    documents.keep(&first);
    assert_eq!(found(&documents, hash(OTHER), &on).unwrap(), OTHER);
    assert_eq!(found(&documents, both(OTHER, TRUSTED), &on), Err(Refused::Mismatch));
    assert_eq!(found(&documents, hash(TRUSTED), &on), Err(Refused::NotFound), "a wrong hash registers nothing");
    assert_eq!(found(&documents, text(TRUSTED), &on).unwrap(), TRUSTED);
    assert_eq!(found(&documents, hash(TRUSTED), &on), Err(Refused::NotFound), "nor does no hash");
    assert_eq!(documents.sizes().automatic_entries, 1);
}

#[test]
fn with_automatic_documents_off_a_hash_is_refused_and_beside_a_document_it_is_nothing() {
    let documents = documents(false);
    assert!(found(&documents, both(OTHER, OTHER), &policy(true, false)).is_ok());
    let off = policy(false, false);
    assert_eq!(found(&documents, hash(OTHER), &off), Err(Refused::NotSupported));
    assert_eq!(found(&documents, id("feed"), &off), Err(Refused::NotSupported));
    assert_eq!(found(&documents, both(TRUSTED, OTHER), &off).unwrap(), TRUSTED);
    assert_eq!(documents.sizes().automatic_entries, 1);
}

#[test]
fn a_trusted_document_runs_whatever_the_flags_say() {
    let documents = documents(true);
    for flags in [policy(true, false), policy(false, false), policy(true, true), policy(false, true)] {
        for asked in [hash(TRUSTED), both(TRUSTED, TRUSTED)] {
            assert_eq!(found(&documents, asked, &flags).unwrap(), TRUSTED);
        }
        assert_eq!(found(&documents, id("feed"), &flags).unwrap(), "query F { nonsense }");
        assert_eq!(found(&documents, both(OTHER, TRUSTED), &flags), Err(Refused::Mismatch));
    }
    assert_eq!((documents.sizes().trusted, documents.sizes().unfit), (Some(2), 1));
    assert_eq!(documents.sizes().automatic_entries, 0);
}

#[test]
fn where_only_trusted_documents_run_no_other_does() {
    for manifest in [true, false] {
        let documents = documents(manifest);
        let free = policy(true, false);
        assert!(found(&documents, both(OTHER, OTHER), &free).is_ok());
        let only = policy(true, true);
        for asked in [hash(OTHER), both(OTHER, OTHER), both(OTHER, "x"), id("other")] {
            assert_eq!(found(&documents, asked, &only), Err(Refused::NotTrusted));
        }
        for asked in [text(OTHER), text(TRUSTED), text("")] {
            assert_eq!(found(&documents, asked, &only), Err(Refused::NoId));
        }
        let unknown = if manifest { Refused::NotFound } else { Refused::NotSupported };
        assert_eq!(found(&documents, id("other"), &free), Err(unknown));
    }
}
