//! Where in a text something is, and why a text is no GraphQL, in a line for people.

/// The line of a place in a text, from 1.
pub(crate) fn line(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].split(|byte| *byte == b'\n').count()
}

/// The line of what the parser did not like in `text`, and what it was.
pub(crate) fn told(text: &str, error: &cynic_parser::Error) -> (usize, String) {
    let at = error.span().map_or(0, |span| span.start);
    // The parser lists everything it would have liked better.
    let what = error.to_string().split(" (expected").next().unwrap_or_default().to_owned();
    (line(text, at), what)
}
