//! One line of an edge list.

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// It is empty, or a comment.
    Nothing,
    /// Its two numbers.
    Edge(u64, u64),
}

/// Why a line is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    /// It has another number of words.
    #[error("which is two numbers with white space between")]
    Words,
    /// A word has something else than digits.
    #[error("for a number has digits and nothing else")]
    Digits,
    /// A number does not fit.
    #[error("for its numbers go to 18446744073709551615")]
    Large,
}

/// Reads a line, its end included or not. White space around the words is of no matter.
pub(super) fn parse(line: &[u8]) -> Result<Line, Malformed> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let Some(one) = words.next() else { return Ok(Line::Nothing) };
    if one.starts_with(b"#") {
        return Ok(Line::Nothing);
    }
    let (Some(other), None) = (words.next(), words.next()) else { return Err(Malformed::Words) };
    Ok(Line::Edge(number(one)?, number(other)?))
}

fn number(word: &[u8]) -> Result<u64, Malformed> {
    word.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10).ok_or(Malformed::Digits)?;
        number.checked_mul(10).and_then(|number| number.checked_add(digit.into())).ok_or(Malformed::Large)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_numbers_are_an_edge_whatever_is_around_them() {
        for line in ["3 14", "3\t14", " 3 \t 14 \r\n", "003 014\n"] {
            assert_eq!(parse(line.as_bytes()), Ok(Line::Edge(3, 14)), "{line:?}");
        }
        assert_eq!(parse(b"0 18446744073709551615"), Ok(Line::Edge(0, u64::MAX)));
    }

    #[test]
    fn comments_and_empty_lines_say_nothing() {
        for line in ["", "\n", "\r\n", " \t ", "#", "# 1 2", "  #Nodes: 3", "#1 2 3"] {
            assert_eq!(parse(line.as_bytes()), Ok(Line::Nothing), "{line:?}");
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        for (line, why) in [
            ("1", Malformed::Words),
            ("1 2 3", Malformed::Words),
            ("1,2", Malformed::Words),
            ("1 2 # friends", Malformed::Words),
            ("1 -2", Malformed::Digits),
            ("+1 2", Malformed::Digits),
            ("1.0 2", Malformed::Digits),
            ("a b", Malformed::Digits),
            ("1 \u{664}", Malformed::Digits),
            ("1 18446744073709551616", Malformed::Large),
            ("99999999999999999999999 1", Malformed::Large),
        ] {
            assert_eq!(parse(line.as_bytes()), Err(why), "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn every_edge_is_read_back(one: u64, other: u64, between in "[ \t]{1,5}", around in "[ \t\r]{0,3}") {
            let line = format!("{around}{one}{between}{other}{around}\n");
            prop_assert_eq!(parse(line.as_bytes()), Ok(Line::Edge(one, other)));
        }

        #[test]
        fn what_is_read_as_an_edge_is_two_numbers(line in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(Line::Edge(one, other)) = parse(&line) {
                let text = String::from_utf8(line).unwrap();
                let words: Vec<u64> = text.split_ascii_whitespace().map(|word| word.parse().unwrap()).collect();
                prop_assert_eq!(words, [one, other]);
            }
        }

        #[test]
        fn what_looks_like_an_edge_is_read_as_the_standard_library_reads_it(line in "[0-9 \t#+,-]{0,48}") {
            let words: Vec<_> = line.split_ascii_whitespace().collect();
            let expected = match words[..] {
                [] => Some(Line::Nothing),
                [first, ..] if first.starts_with('#') => Some(Line::Nothing),
                // The standard library takes a plus sign, too.
                [one, other] if !line.contains('+') =>
                    one.parse().ok().zip(other.parse().ok()).map(|(one, other)| Line::Edge(one, other)),
                _ => None,
            };
            prop_assert_eq!(parse(line.as_bytes()).ok(), expected);
        }
    }
}
