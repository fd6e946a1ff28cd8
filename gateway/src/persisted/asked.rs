//! Which document a request asks for: its text, its name, or both. The names that clients use: Apollo's
//! `extensions.persistedQuery.sha256Hash`, `documentId` of GraphQL over HTTP (appendix on persisted documents), and Relay's
//! `id` and `doc_id`. Whether there is such a document is not known here.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::hash::DocumentHash;

/// The extension of Apollo's protocol, of which there is one version.
const EXTENSION: &str = "persistedQuery";
const VERSION: u64 = 1;

/// How a request names a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reference {
    /// By the hash of its text.
    Hash(DocumentHash),
    /// By an id that its builder chose.
    Id(String),
}

/// What a request says of its document: a text, a name, or a text with its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked<'a> {
    what: What<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What<'a> {
    Text(Cow<'a, str>),
    Name(Reference),
    Both(Cow<'a, str>, Reference),
}

/// The parameters beside `extensions` that name a document, as they came.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    /// `documentId`
    pub(crate) document_id: Option<String>,
    /// `id`
    pub(crate) id: Option<String>,
    /// `doc_id`
    pub(crate) doc_id: Option<String>,
}

impl<'a> Asked<'a> {
    /// What the parameters of a request say together.
    ///
    /// # Errors
    /// When they say nothing, or contradict each other; the text is for the client.
    pub(crate) fn new(
        query: Option<Cow<'a, str>>,
        extensions: Option<&Map<String, Value>>,
        ids: Ids,
    ) -> Result<Self, &'static str> {
        let hash = match extensions.and_then(|extensions| extensions.get(EXTENSION)) {
            None | Some(Value::Null) => None,
            Some(extension) => Some(Reference::Hash(hash(extension)?)),
        };
        let mut names = [ids.document_id, ids.id, ids.doc_id].into_iter().flatten();
        let id = names.next().map(Reference::by_id);
        if names.next().is_some() || (hash.is_some() && id.is_some()) {
            return Err(
                "the document is named twice: by one of `documentId`, `id`, `doc_id` and extensions.persistedQuery",
            );
        }
        let what = match (query, hash, id) {
            (Some(_), _, Some(_)) => return Err("a document or its id, not both"),
            (Some(text), None, None) => What::Text(text),
            (Some(text), Some(hash), None) => What::Both(text, hash),
            (None, Some(name), _) | (None, None, Some(name)) => What::Name(name),
            (None, None, None) => return Err("`query` must be a string, or the id of a document must be given"),
        };
        Ok(Self { what })
    }

    /// The text, where the request brings it.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.what {
            What::Text(text) | What::Both(text, _) => Some(text),
            What::Name(_) => None,
        }
    }

    /// The name, where it gives one.
    pub(crate) fn reference(&self) -> Option<&Reference> {
        match &self.what {
            What::Text(_) => None,
            What::Name(name) | What::Both(_, name) => Some(name),
        }
    }

    /// The text, which is empty where the request brings none.
    pub(super) fn into_text(self) -> Cow<'a, str> {
        match self.what {
            What::Text(text) | What::Both(text, _) => text,
            What::Name(_) => Cow::Borrowed(""),
        }
    }
}

impl Reference {
    /// An id that is a hash is one, with or without the prefix that says so.
    pub(super) fn by_id(id: String) -> Self {
        match DocumentHash::parse(id.strip_prefix("sha256:").unwrap_or(&id)) {
            Some(hash) => Self::Hash(hash),
            None => Self::Id(id),
        }
    }
}

/// The hash that Apollo's extension gives.
fn hash(extension: &Value) -> Result<DocumentHash, &'static str> {
    if extension.get("version").and_then(Value::as_u64) != Some(VERSION) {
        return Err("extensions.persistedQuery.version must be 1");
    }
    let hash = extension.get("sha256Hash").and_then(Value::as_str).and_then(DocumentHash::parse);
    hash.ok_or("extensions.persistedQuery.sha256Hash must be 64 lower-case hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const HASH: &str = "71f7dc5758652baac68e4a10c50be732b741c892ade2883a99358f52b555286b";

    fn asked(
        query: Option<&'static str>,
        extension: Value,
        ids: [Option<&str>; 3],
    ) -> Result<Asked<'static>, &'static str> {
        let [document_id, id, doc_id] = ids.map(|id| id.map(str::to_owned));
        let extensions = Map::from_iter([("persistedQuery".to_owned(), extension)]);
        Asked::new(query.map(Cow::Borrowed), Some(&extensions), Ids { document_id, id, doc_id })
    }

    fn named() -> Reference {
        Reference::Hash(DocumentHash::parse(HASH).unwrap())
    }

    #[test]
    fn every_clients_way_to_name_a_document_is_understood() {
        let apollo = json!({"version": 1, "sha256Hash": HASH, "more": 1});
        assert_eq!(asked(None, apollo.clone(), [None; 3]).unwrap().reference(), Some(&named()));
        let both = asked(Some("{ a }"), apollo, [None; 3]).unwrap();
        assert_eq!((both.text(), both.reference()), (Some("{ a }"), Some(&named())));
        let prefixed = format!("sha256:{HASH}");
        for ids in [[Some(&*prefixed), None, None], [None, Some(HASH), None], [None, None, Some(HASH)]] {
            assert_eq!(asked(None, Value::Null, ids).unwrap().reference(), Some(&named()));
        }
        for id in ["d41d8cd98f00b204e9800998ecf8427e", "feed", "", "sha256:", "sha256:feed", "x-build:7"] {
            let asked = asked(None, Value::Null, [None, Some(id), None]).unwrap();
            assert_eq!(asked.reference(), Some(&Reference::Id(id.into())));
        }
        let text = asked(Some("{ a }"), Value::Null, [None; 3]).unwrap();
        assert_eq!((text.text(), text.reference()), (Some("{ a }"), None));
    }

    #[test]
    fn what_makes_no_sense_is_told_why() {
        for (query, extension, ids, why) in [
            (None, Value::Null, [None; 3], "`query` must be a string"),
            (None, json!(1), [None; 3], "version must be 1"),
            (None, json!({}), [None; 3], "version must be 1"),
            (None, json!({"version": 2, "sha256Hash": HASH}), [None; 3], "version must be 1"),
            (None, json!({"version": "1", "sha256Hash": HASH}), [None; 3], "version must be 1"),
            (None, json!({"version": 1}), [None; 3], "64 lower-case"),
            (None, json!({"version": 1, "sha256Hash": 7}), [None; 3], "64 lower-case"),
            (None, json!({"version": 1, "sha256Hash": "71f7"}), [None; 3], "64 lower-case"),
            (Some("{ a }"), json!({"version": 1, "sha256Hash": HASH.to_uppercase()}), [None; 3], "64 lower-case"),
            (Some("{ a }"), json!({"version": 1, "sha256Hash": "x".repeat(64)}), [None; 3], "64 lower-case"),
            (Some("{ a }"), Value::Null, [Some("feed"), None, None], "not both"),
            (None, Value::Null, [Some("feed"), Some("feed"), None], "named twice"),
            (None, json!({"version": 1, "sha256Hash": HASH}), [None, None, Some(HASH)], "named twice"),
        ] {
            let refusal = asked(query, extension, ids).unwrap_err();
            assert!(refusal.contains(why), "{refusal}");
        }
    }

    proptest! {
        #[test]
        fn no_extension_makes_it_panic_or_passes_for_a_hash_that_it_is_not(
            version in prop_oneof![Just(json!(1)), any::<i64>().prop_map(Value::from), ".{0,3}".prop_map(Value::from)],
            hash in prop_oneof!["[0-9a-f]{64}", "[0-9a-fA-F]{60,68}", ".{0,70}"],
        ) {
            let parsed = asked(None, json!({"version": version, "sha256Hash": hash}), [None; 3]);
            let good = version == json!(1) && hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            prop_assert_eq!(parsed.is_ok(), good);
        }
    }
}
