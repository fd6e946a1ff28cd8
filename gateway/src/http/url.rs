//! The URL as a GraphQL request (GraphQL over HTTP, "GET"): `query`, `operationName`, as JSON `variables` and `extensions`, and
//! the parameters that name a document. Strict: what is given twice or encoded badly is refused. Parameters that nobody knows are not looked at.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use super::{
    operation::{Body, Parameters, shortened},
    refusal::Refusal,
};

/// The parameters in the query of a URL.
pub(crate) fn parse(query: &str) -> Result<Parameters<'_>, Refusal> {
    let mut body = Body::default();
    let known = ["query", "operationName", "variables", "extensions", "documentId", "id", "doc_id"];
    let mut seen = [false; 7];
    for pair in query.split('&') {
        let (written, value) = pair.split_once('=').unwrap_or((pair, ""));
        // What is badly encoded is no name that we know, however it is read.
        let name = percent_decode_str(written).decode_utf8_lossy();
        let Some((at, &name)) = known.iter().enumerate().find(|(_, known)| **known == name) else { continue };
        if std::mem::replace(&mut seen[at], true) {
            return Err(refused(name, "is there twice"));
        }
        let value = decoded(name, value)?;
        match at {
            0 => body.set_query(value),
            // To leave the name empty is to leave it out.
            1 => body.operation_name = Some(value.into_owned()).filter(|name| !name.is_empty()),
            2 => body.variables = json(name, &value)?,
            3 => body.extensions = json(name, &value)?,
            4 => body.document_id = Some(value.into_owned()),
            5 => body.id = Some(value.into_owned()),
            _ => body.doc_id = Some(value.into_owned()),
        }
    }
    body.try_into()
}

/// The text of a value, as forms encode it.
fn decoded<'a>(name: &str, value: &'a str) -> Result<Cow<'a, str>, Refusal> {
    let mut parts = value.split('%');
    parts.next();
    let is_hex =
        |part: &str| part.as_bytes().first_chunk::<2>().is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
    if !parts.all(is_hex) {
        return Err(refused(name, "is not percent-encoded"));
    }
    let invalid = |_| refused(name, "is not UTF-8");
    if value.contains('+') {
        let spaced = value.replace('+', " ");
        let text = percent_decode_str(&spaced).decode_utf8().map_err(invalid)?;
        return Ok(Cow::Owned(text.into_owned()));
    }
    percent_decode_str(value).decode_utf8().map_err(invalid)
}

fn json<T: DeserializeOwned>(name: &str, value: &str) -> Result<T, Refusal> {
    serde_json::from_str(value).map_err(|error| refused(name, &format!("is no JSON object: {}", shortened(&error))))
}

fn refused(name: &str, why: &str) -> Refusal {
    Refusal::BadRequest(format!("the URL is not a GraphQL request: `{name}` {why}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_four_parameters_are_read() {
        let query =
            "query=query+A(%24n:Int)%7Ba%2Bb%7D&operationName=A&variables=%7B%22n%22:1%7D&extensions=%7B%7D&x=%";
        let parameters = parse(query).unwrap();
        assert_eq!(parameters.asked.text(), Some("query A($n:Int){a+b}"));
        assert_eq!(parameters.operation_name.as_deref(), Some("A"));
        assert_eq!(parameters.variables.len(), 1);
        let empty = parse("query={a}&operationName=&variables=null&extensions=null").unwrap();
        assert_eq!((empty.operation_name, empty.variables.len()), (None, 0));
        assert_eq!(parse("qu%65ry={a}&%71=1&quer%79%=2&+query=3").unwrap().asked.text(), Some("{a}"), "names, too");
        assert_eq!(parse("query=%F0%9F%8F%83").unwrap().asked.text(), Some("🏃"));
        let hash = "71f7dc5758652baac68e4a10c50be732b741c892ade2883a99358f52b555286b";
        for name in ["documentId", "id", "doc_id"] {
            assert!(parse(&format!("{name}={hash}")).unwrap().asked.reference().is_some(), "{name}");
        }
        let automatic =
            format!("extensions=%7B%22persistedQuery%22:%7B%22version%22:1,%22sha256Hash%22:%22{hash}%22%7D%7D");
        assert!(parse(&automatic).unwrap().asked.reference().is_some());
    }

    #[test]
    fn whatever_is_no_request_is_told_why() {
        let deep = format!("query={{a}}&variables={{\"a\":{}", "[".repeat(10_000));
        for (query, why) in [
            ("", "`query` must be a string"),
            ("Query={a}", "`query` must be a string"),
            ("operationName=A", "`query` must be a string"),
            ("query={a}&query={a}", "`query` is there twice"),
            ("query={a}&%71%75%65%72%79={b}", "`query` is there twice"),
            ("query={a}&variables={}&variables={}", "`variables` is there twice"),
            ("query=%", "`query` is not percent-encoded"),
            ("query=%7", "`query` is not percent-encoded"),
            ("query=a%7G", "`query` is not percent-encoded"),
            ("query=%+7", "`query` is not percent-encoded"),
            ("query={a}&operationName=%FF", "`operationName` is not UTF-8"),
            ("query={a}&variables=", "`variables` is no JSON object"),
            ("query={a}&variables={", "`variables` is no JSON object"),
            ("query={a}&variables={}x", "trailing characters"),
            ("query={a}&variables=[]", "expected a map"),
            ("query={a}&variables=%22{}%22", "expected a map"),
            ("query={a}&extensions=1", "expected a map"),
            (&deep, "recursion limit"),
        ] {
            match parse(query) {
                Err(Refusal::BadRequest(message)) => {
                    assert!(message.contains(why) && message.len() < 300, "{why}: {message}");
                }
                other => panic!("{why}: {other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn no_url_makes_it_panic(query in "(query|variables|extensions|operationName|[&=%+a-f0-9{}\\[\\]\":]){0,40}") {
            let _ = parse(&query);
        }

        #[test]
        fn what_is_encoded_comes_out_again(text in "\\PC{0,40}") {
            let encoded = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC);
            let query = format!("query={encoded}");
            let asked = parse(&query).unwrap().asked;
            prop_assert_eq!(asked.text(), Some(text.as_str()));
        }
    }
}
