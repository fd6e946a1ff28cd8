//! The manifest of trusted documents, in the two formats that client tools write: Apollo's persisted query manifest, and
//! Relay's map from ids to texts. A manifest is taken as a whole or not at all: one wrong hash, one id that is there twice, and
//! there is no telling what its builder meant. It is read from bytes; where they come from is not known here.

use std::{collections::HashMap, fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

use super::{asked::Reference, hash::DocumentHash};
use crate::config::MAX_BODY_BYTES;

/// The most bytes that a manifest has.
pub const MAX_MANIFEST_BYTES: u64 = 64 * 1024 * 1024;
/// The longest id that is taken, in bytes.
const MAX_ID_BYTES: usize = 256;
/// What `format` is in Apollo's manifest.
const APOLLO: &str = "apollo-persisted-query-manifest";
const APOLLO_VERSION: u64 = 1;

/// Documents that the operator trusts, by id and by the hash of their text.
#[derive(Debug, Clone)]
pub struct Manifest {
    entries: Vec<Entry>,
    by_id: HashMap<String, Arc<str>>,
    by_hash: HashMap<DocumentHash, Arc<str>>,
}

/// A document of a manifest. Written, it is its id, and its name where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What clients ask for.
    pub id: String,
    /// What its operation is called, where the manifest says so.
    pub name: Option<String>,
    /// The document.
    pub text: Arc<str>,
}

/// Why bytes are no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// They are not JSON of either format.
    #[error("neither Apollo's persisted query manifest nor Relay's map from ids to documents: {0}")]
    Format(String),
    /// Apollo's format, in a version that did not exist.
    #[error("version {0} of Apollo's persisted query manifest is not known, only {APOLLO_VERSION}")]
    Version(u64),
    /// A document is not as it should be.
    #[error("document {entry}: {why}")]
    Entry {
        /// Its id and name.
        entry: String,
        /// What is wrong with it.
        why: String,
    },
}

/// What tells the formats apart.
#[derive(Deserialize)]
struct Probe {
    #[serde(default)]
    format: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Apollo {
    format: String,
    version: u64,
    operations: Vec<ApolloOperation>,
}

#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    name: Option<String>,
    body: String,
}

/// Relay's map. As a map of Rust's it would lose an id that is there twice.
struct Relay(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Relay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Relay;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from ids to documents")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Relay, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Relay(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl Manifest {
    /// Reads a manifest of either format. Each id that is a SHA-256, in Apollo's form or with the prefix `sha256:`, is held against
    /// its text.
    ///
    /// # Errors
    /// [`ManifestError`] names the document that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let format = |error: serde_json::Error| {
            // The parser quotes what it did not expect, and that may be a whole document.
            ManifestError::Format(clipped(&error.to_string(), 200))
        };
        let probe: Probe = serde_json::from_slice(bytes).map_err(format)?;
        let entries: Vec<Entry> = if probe.format.is_some() {
            let Apollo { format: name, version, operations } = serde_json::from_slice(bytes).map_err(format)?;
            if name != APOLLO {
                let name = clipped(&name, 80);
                return Err(ManifestError::Format(format!("`format` is {name:?}, and not {APOLLO:?}")));
            }
            if version != APOLLO_VERSION {
                return Err(ManifestError::Version(version));
            }
            let entry = |ApolloOperation { id, name, body }| Entry { id, name, text: body.into() };
            operations.into_iter().map(entry).collect()
        } else {
            let Relay(pairs) = serde_json::from_slice(bytes).map_err(format)?;
            pairs.into_iter().map(|(id, text)| Entry { id, name: None, text: text.into() }).collect()
        };
        Self::of(entries)
    }

    fn of(entries: Vec<Entry>) -> Result<Self, ManifestError> {
        let (mut by_id, mut by_hash) = (HashMap::new(), HashMap::new());
        for entry in &entries {
            let hash = entry.check().map_err(|why| ManifestError::Entry { entry: entry.to_string(), why })?;
            if by_id.insert(entry.id.clone(), Arc::clone(&entry.text)).is_some() {
                return Err(ManifestError::Entry { entry: entry.to_string(), why: "its id is there twice".into() });
            }
            by_hash.entry(hash).or_insert_with(|| Arc::clone(&entry.text));
        }
        Ok(Self { entries, by_id, by_hash })
    }

    /// All documents, in the order of the manifest.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The document that a request means.
    pub(super) fn find(&self, reference: &Reference) -> Option<&Arc<str>> {
        match reference {
            Reference::Hash(hash) => self.by_hash.get(hash),
            Reference::Id(id) => self.by_id.get(id),
        }
    }
}

impl Entry {
    /// The hash of the text, if the entry can be one.
    fn check(&self) -> Result<DocumentHash, String> {
        if self.id.is_empty() || self.id.len() > MAX_ID_BYTES || !self.id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("an id is 1 to {MAX_ID_BYTES} visible ASCII characters"));
        }
        if self.text.len() as u64 > MAX_BODY_BYTES {
            return Err(format!("it is larger than {MAX_BODY_BYTES} bytes, which no request may be"));
        }
        let hash = DocumentHash::of(&self.text);
        let said = self.id.strip_prefix("sha256:");
        let is_hash = said.is_some() || (self.id.len() == 64 && self.id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if is_hash && DocumentHash::parse(said.unwrap_or(&self.id)) != Some(hash) {
            return Err(format!("its id is not the SHA-256 of its text, which is {hash}"));
        }
        Ok(hash)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", clipped(&self.id, 80))?;
        match &self.name {
            Some(name) => write!(f, " ({})", clipped(name, 80).escape_debug()),
            None => Ok(()),
        }
    }
}

/// The beginning of a text that somebody else wrote.
fn clipped(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_map, prelude::*};
    use serde_json::{Value, json};

    use super::*;

    fn parse(manifest: &Value) -> Result<Manifest, String> {
        Manifest::parse(manifest.to_string().as_bytes()).map_err(|error| error.to_string())
    }

    fn apollo(operations: &Value) -> Value {
        json!({"format": APOLLO, "version": 1, "operations": operations})
    }

    fn sha256(text: &str) -> String {
        DocumentHash::of(text).to_string()
    }

    #[test]
    fn both_formats_are_read() {
        let text = "query A { viewer { id } }";
        let written = apollo(&json!([{"id": sha256(text), "name": "A", "type": "query", "body": text}]));
        let manifest = parse(&written).unwrap();
        assert_eq!(manifest.entries(), [Entry { id: sha256(text), name: Some("A".into()), text: text.into() }]);
        let ids = json!({"d41d8cd98f00b204e9800998ecf8427e": text, sha256("{ b }"): "{ b }", "feed": "{ c }"});
        let manifest = parse(&ids).unwrap();
        for (id, text) in [("d41d8cd98f00b204e9800998ecf8427e", text), (&sha256("{ b }"), "{ b }"), ("feed", "{ c }")] {
            assert_eq!(manifest.find(&Reference::by_id(id.into())).map(|text| &**text), Some(text));
            let by_hash = Reference::by_id(format!("sha256:{}", sha256(text)));
            assert_eq!(manifest.find(&by_hash).map(|text| &**text), Some(text), "whatever its id is");
        }
        assert_eq!(manifest.find(&Reference::Id("other".into())), None);
        assert!(parse(&json!({})).unwrap().entries().is_empty());
    }

    #[test]
    fn a_manifest_that_is_wrong_anywhere_is_none() {
        let wrong = sha256("{ other }");
        for (manifest, why) in [
            (
                apollo(&json!([{"id": wrong, "name": "Feed", "type": "query", "body": "{ a }"}])),
                "(Feed): its id is not the SHA-256",
            ),
            (json!({ &wrong: "{ a }" }), "its id is not the SHA-256"),
            (json!({ sha256("{ a }").to_uppercase(): "{ a }" }), "its id is not the SHA-256"),
            (json!({ format!("sha256:{wrong}"): "{ a }" }), "its id is not the SHA-256"),
            (json!({ "sha256:1": "{ a }" }), "its id is not the SHA-256"),
            (json!({ "": "{ a }" }), "visible ASCII"),
            (json!({ "a b": "{ a }" }), "visible ASCII"),
            (json!({ "x".repeat(257): "{ a }" }), "visible ASCII"),
            (json!({ "big": "x".repeat(1_048_577) }), "larger than 1048576 bytes"),
            (
                apollo(&json!([{"id": "a", "body": "{ a }"}, {"id": "a", "body": "{ b }"}])),
                "\"a\": its id is there twice",
            ),
            (apollo(&json!([{"id": "a"}])), "missing field `body`"),
            (apollo(&json!({})), "expected a sequence"),
            (json!({"format": "other", "version": 1, "operations": []}), "`format` is \"other\""),
            (json!({"format": APOLLO, "version": 2, "operations": []}), "version 2"),
            (json!({"format": APOLLO, "version": 1}), "missing field `operations`"),
            (json!({"a": 1}), "expected a string"),
            (json!([]), "neither"),
            (json!("x"), "neither"),
        ] {
            let refusal = parse(&manifest).unwrap_err();
            assert!(refusal.contains(why) && refusal.len() < 600, "{refusal}");
        }
        for text in [&br#"{"a":"{ a }","a":"{ b }"}"#[..], br#"{"a":"{ a }""#, b"", b"\xff", b"{}{}"] {
            assert!(Manifest::parse(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert!(Manifest::parse(deep.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[{}\\[\\]\":,a-z0-9 ]{0,60}") {
            let _ = Manifest::parse(&bytes);
            let _ = Manifest::parse(text.as_bytes());
        }

        #[test]
        fn every_document_is_found_by_its_id_and_by_its_hash(texts in btree_map("[a-z][a-z0-9._~-]{0,20}", ".{0,40}", 0..8)) {
            let operations: Vec<_> = texts.iter().map(|(id, body)| json!({"id": id, "name": null, "body": body})).collect();
            for manifest in [parse(&json!(texts)).unwrap(), parse(&apollo(&json!(operations))).unwrap()] {
                prop_assert_eq!(manifest.entries().len(), texts.len());
                for (id, text) in &texts {
                    prop_assert_eq!(&**manifest.find(&Reference::Id(id.clone())).unwrap(), text);
                    prop_assert_eq!(&**manifest.find(&Reference::Hash(DocumentHash::of(text))).unwrap(), text);
                }
            }
        }
    }
}
