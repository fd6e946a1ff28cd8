//! Which media types come in and go out. Reads headers, never a body.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE},
};

/// How a response is written, and which status codes go with it (GraphQL over HTTP).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// `application/json`, for clients from before the specification: whatever GraphQL has to say is a 200.
    Json,
    /// `application/graphql-response+json`: a document that is not executed is a 400.
    GraphqlResponse,
}

impl MediaType {
    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        })
    }

    fn subtype(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::GraphqlResponse => "graphql-response+json",
        }
    }
}

/// What the client likes best of what there is; `None` when it accepts neither.
///
/// Without the header, and where only a wildcard decides, it is JSON: that is what clients that do not ask can read.
pub(crate) fn accepted(headers: &HeaderMap) -> Option<MediaType> {
    let mut json = Preference::default();
    let mut graphql = Preference::default();
    let mut said = false;
    for value in headers.get_all(ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',').map(str::trim).filter(|range| !range.is_empty()) {
            said = true;
            json.hear(range, MediaType::Json);
            graphql.hear(range, MediaType::GraphqlResponse);
        }
    }
    match (json.quality, graphql.quality) {
        _ if !said => Some(MediaType::Json),
        (0, 0) => None,
        (ours, theirs) if theirs > ours || (theirs == ours && graphql.exact()) => Some(MediaType::GraphqlResponse),
        _ => Some(MediaType::Json),
    }
}

/// How much a client wants one media type: the quality of the most specific range that names it (RFC 9110 §12.5.1).
#[derive(Default)]
struct Preference {
    quality: u16,
    specificity: u8,
}

impl Preference {
    fn hear(&mut self, range: &str, ours: MediaType) {
        let mut parts = range.split(';').map(str::trim);
        let (kind, subtype) = parts.next().and_then(|essence| essence.split_once('/')).unwrap_or_default();
        let specificity = match (kind, subtype) {
            ("*", "*") => 1,
            (kind, "*") if kind.eq_ignore_ascii_case("application") => 2,
            (kind, subtype)
                if kind.eq_ignore_ascii_case("application") && subtype.eq_ignore_ascii_case(ours.subtype()) =>
            {
                3
            }
            _ => return,
        };
        if specificity >= self.specificity {
            self.specificity = specificity;
            self.quality = stated_quality(parts);
        }
    }

    fn exact(&self) -> bool {
        self.specificity == 3
    }
}

/// The quality among the parameters of a range, in thousandths; all of it when none is stated.
fn stated_quality<'a>(mut parameters: impl Iterator<Item = &'a str>) -> u16 {
    let stated = parameters.find_map(|parameter| parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q=")));
    stated.map_or(1000, quality)
}

/// A quality in thousandths; what is not one counts as unwanted.
fn quality(text: &str) -> u16 {
    match text.parse::<f32>() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000, by the guard")]
        Ok(quality) if (0.0..=1.0).contains(&quality) => (quality * 1000.0).round() as u16,
        _ => 0,
    }
}

/// Whether a page is what the client likes best: it names HTML, and nothing else that we write with a higher quality. A
/// wildcard is what clients say that want JSON.
pub(crate) fn prefers_html(headers: &HeaderMap) -> bool {
    let quality_of = |wanted: &str| {
        ranges(headers, ACCEPT).find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map_or(0, |(_, quality)| quality)
    };
    let html = quality_of("text/html");
    html > 0 && html >= quality_of("application/json").max(quality_of("application/graphql-response+json"))
}

/// Whether a compressed body is read, and liked as well as a plain one. Who does not say is taken to read plain text only.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let quality_of = |wanted: &str| {
        ranges(headers, ACCEPT_ENCODING).find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, quality)| quality)
    };
    let gzip = quality_of("gzip").or_else(|| quality_of("*")).unwrap_or(0);
    gzip > 0 && quality_of("identity").is_none_or(|plain| gzip >= plain)
}

/// What a header lists, each with its quality.
fn ranges(headers: &HeaderMap, header: HeaderName) -> impl Iterator<Item = (&str, u16)> {
    let values = headers.get_all(header).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|range| {
        let mut parts = range.split(';').map(str::trim);
        (parts.next().unwrap_or_default(), stated_quality(parts))
    })
}

/// Whether the body is said to be JSON in UTF-8. A missing header is a no: a form that a foreign page sends must not pass for an operation.
pub(crate) fn sends_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(CONTENT_TYPE).map(HeaderValue::to_str) else { return false };
    let mut parts = value.split(';').map(str::trim);
    parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
        && parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
            !name.trim().eq_ignore_ascii_case("charset")
                || matches!(value.trim().trim_matches('"').to_ascii_lowercase().as_str(), "utf-8" | "utf8")
        })
}

/// Whether the body is said to be compressed. None is taken: what 1 MiB of it unpacks to has no bound.
pub(crate) fn sends_compressed(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accept(values: &[&str]) -> Option<MediaType> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, HeaderValue::from_str(value).unwrap());
        }
        accepted(&headers)
    }

    #[test]
    fn who_does_not_say_gets_json() {
        for said in [&[][..], &[""], &["*/*"], &["application/*"], &["text/html, */*;q=0.1"], &["application/json"]] {
            assert_eq!(accept(said), Some(MediaType::Json), "{said:?}");
        }
    }

    #[test]
    fn who_names_the_new_type_gets_it() {
        for said in [
            &["application/graphql-response+json"][..],
            &["application/graphql-response+json, application/json"],
            &["application/json, application/graphql-response+json"],
            &["application/json;q=0.9", "APPLICATION/GraphQL-Response+JSON; charset=utf-8"],
            &["*/*, application/json;q=0"],
        ] {
            assert_eq!(accept(said), Some(MediaType::GraphqlResponse), "{said:?}");
        }
    }

    #[test]
    fn quality_decides_and_the_specific_range_beats_the_wild_one() {
        assert_eq!(accept(&["application/graphql-response+json;q=0.5, application/json"]), Some(MediaType::Json));
        assert_eq!(accept(&["application/graphql-response+json;q=0, */*"]), Some(MediaType::Json));
        assert_eq!(accept(&["application/json, */*"]), Some(MediaType::Json));
    }

    #[test]
    fn neither_is_neither() {
        for said in
            ["text/html", "application/xml", "application/json;q=0", "*/*;q=0", "application/json;q=NaN", "json"]
        {
            assert_eq!(accept(&[said]), None, "{said}");
        }
    }

    fn of(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_page_is_for_who_names_html_and_likes_nothing_of_ours_better() {
        for said in [
            "text/html",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "application/json;q=0.5, Text/HTML;q=0.5",
        ] {
            assert!(prefers_html(&of(ACCEPT, said)), "{said}");
        }
        for said in ["", "*/*", "text/*", "text/html;q=0", "text/html;q=0.9, application/graphql-response+json"] {
            assert!(!prefers_html(&of(ACCEPT, said)), "{said}");
        }
        assert!(!prefers_html(&HeaderMap::new()));
    }

    #[test]
    fn gzip_is_for_who_says_so() {
        for said in
            ["gzip", "deflate, GZIP;q=0.1", "*", "br;q=1, *;q=0.5", "identity, gzip", "gzip;q=0.1, identity;q=0"]
        {
            assert!(accepts_gzip(&of(ACCEPT_ENCODING, said)), "{said}");
        }
        for said in ["", "identity", "gzip;q=0", "gzip;q=0, *", "br", "gzip;q=0.1, identity;q=0.9", "*;q=0"] {
            assert!(!accepts_gzip(&of(ACCEPT_ENCODING, said)), "{said}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_body_is_json_or_refused() {
        let sends = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_str(value).unwrap());
            sends_json(&headers)
        };
        for value in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
        ] {
            assert!(sends(value), "{value}");
        }
        for value in ["", "text/plain", "application/jsonp", "application/json; charset=utf-16", "application/graphql"]
        {
            assert!(!sends(value), "{value}");
        }
        assert!(!sends_json(&HeaderMap::new()));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(value in "[ -~]{0,60}") {
            accept(&[&value]);
            prefers_html(&of(ACCEPT, &value));
        }
    }
}
