//! Payloads: a JSON object of whole numbers and words, checked against the catalogue. One that is wrong is never used in part.

use serde_json::{Map, Value};

use crate::catalogue::{Field, Flag};

/// Longest payload that is read, in bytes.
const MAX_BYTES: usize = 4_096;

/// The values of `flag`'s fields, in their order; a field that `text` leaves out has its default.
///
/// # Errors
/// What is wrong with it, for the operator who wrote it.
pub(crate) fn parse(flag: &Flag, text: &str) -> Result<Vec<u64>, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("it has more than {MAX_BYTES} bytes"));
    }
    let object: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| format!("it is not a JSON object: {error}"))?;
    let known = || flag.payload.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
    if let Some(key) = object.keys().find(|key| flag.payload.iter().all(|field| field.name != **key)) {
        let key: String = key.chars().take(40).collect();
        return Err(format!("it has a field `{key}`, and the fields are: {}", known()));
    }
    let value = |field: &Field| match object.get(field.name) {
        None => Ok(field.default),
        Some(value) => field.read(value).ok_or_else(|| {
            let kind = if field.words.is_empty() { "a whole number from " } else { "" };
            format!("`{}` must be {kind}{}", field.name, field.range())
        }),
    };
    flag.payload.iter().map(value).collect()
}

/// `values` as the payload that means them.
#[must_use]
pub fn write(flag: &Flag, values: &[u64]) -> Value {
    flag.payload.iter().zip(values).map(|(field, value)| (field.name.to_owned(), field.write(*value))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalogue::FlagId;

    fn batching(text: &str) -> Result<Vec<u64>, String> {
        parse(FlagId::LoadersBatching.flag(), text)
    }

    #[test]
    fn a_field_that_is_left_out_has_its_default() {
        assert_eq!(batching("{}"), Ok(vec![1_000]));
        assert_eq!(batching(r#" {"max_batch": 7} "#), Ok(vec![7]));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        for (text, why) in [
            ("", "not a JSON object"),
            ("7", "not a JSON object"),
            ("[1]", "not a JSON object"),
            (r#"{"max_batch": "7"}"#, "`max_batch` must be a whole number from 1 to 5000"),
            (r#"{"max_batch": 7.5}"#, "must be a whole number"),
            (r#"{"max_batch": 0}"#, "from 1 to 5000"),
            (r#"{"max_batch": 5001}"#, "from 1 to 5000"),
            (r#"{"max_batch": -1}"#, "must be a whole number"),
            (r#"{"max_batch": null}"#, "must be a whole number"),
            (r#"{"maxBatch": 7}"#, "a field `maxBatch`, and the fields are: max_batch"),
        ] {
            let refusal = batching(text).unwrap_err();
            assert!(refusal.contains(why), "{text}: {refusal}");
        }
        assert!(batching(&format!("{{\"{}\":1}}", "x".repeat(5_000))).unwrap_err().len() < 200);
    }

    #[test]
    fn a_word_stands_for_its_number_and_no_number_for_a_word() {
        let field = Field {
            name: "mode",
            meaning: "What is done.",
            default: 1,
            min: 0,
            max: 1,
            words: &["measure", "enforce"],
        };
        assert_eq!(field.range(), "`measure` or `enforce`");
        for (value, word) in [(0, "measure"), (1, "enforce")] {
            assert_eq!((field.write(value), field.read(&word.into())), (word.into(), Some(value)));
        }
        for wrong in [Value::from(1), "Enforce".into(), "".into(), Value::Null] {
            assert_eq!(field.read(&wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_in_range_and_written_back_alike(text in "\\{(\"max_batch\": ?[0-9.e-]{1,6})?\\}") {
            if let Ok(values) = batching(&text) {
                prop_assert!((1..=5_000).contains(&values[0]));
                let again = write(FlagId::LoadersBatching.flag(), &values).to_string();
                prop_assert_eq!(batching(&again), Ok(values));
            }
        }
    }
}
