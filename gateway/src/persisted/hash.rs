//! The SHA-256 of a document's text: the name that text has wherever it goes.

use std::fmt;

use sha2::{Digest, Sha256};

/// The SHA-256 of a document's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentHash([u8; 32]);

impl DocumentHash {
    /// The hash of `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// The hash that 64 lower-case hexadecimal digits write. Others write none: a document has one name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_chunks::<2>().0) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(hash))
    }
}

fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for DocumentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_the_sha256_that_everybody_computes() {
        // The example of GraphQL over HTTP, appendix on persisted documents.
        let text = "query($id:ID!){user(id:$id){name}}";
        let name = "71f7dc5758652baac68e4a10c50be732b741c892ade2883a99358f52b555286b";
        assert_eq!(DocumentHash::of(text).to_string(), name);
        assert_eq!(DocumentHash::parse(name), Some(DocumentHash::of(text)));
        for other in
            ["", "7", &name.to_uppercase(), &name[1..], &format!("{name}0"), &name.replace('7', "g"), &"é".repeat(32)]
        {
            assert_eq!(DocumentHash::parse(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_parses_is_written_as_it_was(text in ".{0,70}", digits in "[0-9a-f]{64}") {
            prop_assert_eq!(DocumentHash::parse(&digits).unwrap().to_string(), digits);
            if let Some(hash) = DocumentHash::parse(&text) {
                prop_assert_eq!(hash.to_string(), text);
            }
        }
    }
}
