//! Looks over a document's text before it is parsed, once, byte by byte: how many tokens it has, and how deep its brackets are
//! nested. Parsing costs about a microsecond a token, and a few bytes of brackets cost as much as pages of fields: what is too
//! large is refused here, for a few nanoseconds a byte. It knows the lexical grammar (GraphQL specification, §2.1), and the
//! liberties that the parser takes with it; what is no GraphQL is left to the parser, which says why.

/// What a text holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Its tokens: names, numbers, strings and punctuators. Never fewer than the parser makes of it; a number may count as several.
    pub(crate) tokens: usize,
    /// How deep its brackets are nested, of whatever kind.
    pub(crate) nesting: usize,
    /// Whether a block string in it does not end. The parser, which takes two of its quotes for an empty string then, and goes on,
    /// would look for the end again and again.
    pub(crate) is_endless: bool,
}

/// Looks over `text`.
pub(crate) fn scan(text: &str) -> Scan {
    let bytes = text.as_bytes();
    let mut found = Scan::default();
    let (mut at, mut open) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            // The byte order mark is three bytes, and no token either.
            b' ' | b'\t' | b'\r' | b'\n' | b',' | 0xEF | 0xBB | 0xBF => continue,
            b'#' => {
                at = end_of(bytes, at, |byte| !matches!(byte, b'\n' | b'\r'));
                continue;
            }
            b'{' | b'[' | b'(' => {
                open += 1;
                found.nesting = found.nesting.max(open);
            }
            b'}' | b']' | b')' => open = open.saturating_sub(1),
            b'"' if bytes[start..].starts_with(b"\"\"\"") => match block(bytes, start + 3) {
                Some(end) => at = end,
                None => return Scan { is_endless: true, ..found },
            },
            b'"' => at = string(bytes, at),
            b'.' if bytes[start..].starts_with(b"...") => at = start + 3,
            // To the parser `000` is three numbers.
            b'1'..=b'9' => at = end_of(bytes, at, |byte| byte.is_ascii_digit()),
            byte if byte.is_ascii_alphabetic() || *byte == b'_' => {
                at = end_of(bytes, at, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
                found.tokens += glued(&bytes[start..at]);
            }
            _ => {}
        }
        found.tokens += 1;
    }
    found
}

/// How many tokens beyond the first the parser may make of a name: it takes `trueflag` for `true` and `flag`, and the like.
fn glued(name: &[u8]) -> usize {
    const WORDS: [&[u8]; 7] = [b"true", b"false", b"null", b"query", b"mutation", b"subscription", b"fragment"];
    let begins = |word: &&[u8]| name.len() > word.len() && name.starts_with(word);
    if WORDS.iter().any(begins) { name.len() / 4 } else { 0 }
}

fn end_of(bytes: &[u8], from: usize, goes_on: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|byte| !goes_on(*byte)).map_or(bytes.len(), |length| from + length)
}

/// Where a string ends whose first byte is at `at`: behind its quote, or where its line ends.
fn string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' | b'\n' | b'\r' => break,
            b'\\' => at += 1,
            _ => {}
        }
    }
    at.min(bytes.len())
}

/// Where a block string ends whose first byte is at `at`, if it does.
fn block(bytes: &[u8], mut at: usize) -> Option<usize> {
    while at < bytes.len() {
        if bytes[at..].starts_with(b"\"\"\"") {
            return Some(at + 3);
        }
        at += if bytes[at..].starts_with(b"\\\"\"\"") { 4 } else { 1 };
    }
    None
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::{
        parse_query,
        types::{DocumentOperations, Selection},
    };
    use async_graphql_value::Value;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_are_what_the_specification_calls_so() {
        for (text, tokens) in [
            ("", 0),
            (" ,\n\u{feff}# comment { [\n", 0),
            ("{ a }", 3),
            ("{a(b:15,c:-2,d:\"x y\")}", 15),
            ("query($v:[Int!]=[1 2]@d){...F...on T{a}}", 27),
            ("{a(b:\"\\\" }{\")}", 8),
            ("{a(b:\"\"\"one \\\"\"\" \" two\n}{\"\"\")}", 8),
            ("\"unterminated { {\n{", 2),
            ("{a...F...F}", 7),
            ("&|$!=@:", 7),
            // What the parser makes of it.
            ("[1.5 -2e3 0123]", 10),
            ("[truefalsenulltrue trueish true]", 10),
        ] {
            assert_eq!(scan(text).tokens, tokens, "{text:?}");
        }
    }

    #[test]
    fn brackets_nest_and_those_in_strings_do_not() {
        for (text, nesting) in [("{a{b}c{d}}", 2), ("{a(b:[[{c:1}]])}", 5), ("}}}{", 1), ("{a(b:\"{{{\")} # {{{", 2)] {
            assert_eq!(scan(text).nesting, nesting, "{text:?}");
        }
        assert_eq!(scan(&"{a".repeat(5_000)).nesting, 5_000);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_looked_over(text in any::<String>()) {
            prop_assert!(scan(&text).tokens <= text.len());
        }

        /// A number with a point counts as several, and the like: never fewer than there are.
        #[test]
        fn no_token_goes_missing(tokens in proptest::collection::vec(
            "[{}()\\[\\]$!=|@:&]|\\.\\.\\.|[a-z]{1,5}|true|null|0|[1-9][0-9]{0,3}|-1\\.5e3|\"[a-z{ ]{1,3}\"|\"\"\"[a-z{ ]{0,3}\"\"\"", 0..60,
        )) {
            let text = tokens.join(" ");
            prop_assert!(scan(&text).tokens >= tokens.len(), "{text}");
        }

        /// Values without anything between them, of which the parser makes as many as it can.
        #[test]
        fn nor_does_one_that_the_parser_sees(values in "(true|false|null|[0-9]|-1|\\$[a-z]|\"a\"|x ){1,60}") {
            let Ok(document) = parse_query(format!("{{ a(a: [{values}]) }}")) else { return Ok(()) };
            let DocumentOperations::Single(operation) = &document.operations else { panic!("{values}") };
            let Selection::Field(field) = &operation.node.selection_set.node.items[0].node else { panic!("{values}") };
            let Value::List(list) = &field.node.arguments[0].1.node else { panic!("{values}") };
            prop_assert!(scan(&values).tokens >= list.len(), "{values}");
        }
    }

    #[test]
    fn a_block_string_that_does_not_end_is_told_of() {
        assert!(scan("{a(b:\"\"\"{ \\\"\"\" )}").is_endless);
        // Each `"""` looks like the start of one once the one before turned out to be none.
        assert!(scan(&format!("{{a(b:[{}])}}", r#""\"""""x" "#.repeat(10))).is_endless);
        assert!(!scan("{a(b:\"\"\"\"\"\")}").is_endless);
    }
}
