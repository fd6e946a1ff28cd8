//! Who asks. No `Authorization` header is an anonymous caller; anything in it but one valid access token is a refusal, never
//! an anonymous caller: a client that believes it is somebody must not be answered as nobody.

use http::{HeaderMap, header::AUTHORIZATION};
use nova_core::{
    Viewer,
    token::{TokenError, TokenVerifier},
};

use crate::http::refusal::Refusal;

/// The viewer whose token comes with the request.
pub(crate) async fn viewer(headers: &HeaderMap, verifier: &TokenVerifier) -> Result<Option<Viewer>, Refusal> {
    match bearer(headers) {
        Ok(None) => Ok(None),
        Ok(Some(token)) => verifier.verify(token).await.map(Some).map_err(Refusal::Token),
        Err(error) => Err(Refusal::Token(error)),
    }
}

/// The token in the header (RFC 6750 §2.1): the scheme in any case, then spaces, then the token.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, TokenError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(TokenError::Invalid);
    }
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(TokenError::Invalid)?;
    let token = token.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !token.contains([' ', ',']) {
        Ok(Some(token))
    } else {
        Err(TokenError::Invalid)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_bytes(value).unwrap())).collect()
    }

    #[test]
    fn no_header_is_nobody_and_one_token_is_a_token() {
        assert_eq!(bearer(&HeaderMap::new()), Ok(None));
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c "] {
            assert_eq!(bearer(&headers(&[value.as_bytes()])), Ok(Some("a.b.c")), "{value}");
        }
    }

    #[test]
    fn whatever_else_is_no_token_and_never_nobody() {
        for values in [
            &[&b""[..]][..],
            &[b"Bearer"],
            &[b"Bearer "],
            &[b"Basic dTpw"],
            &[b"a.b.c"],
            &[b"Bearer a b"],
            &[b"Bearer a, Bearer b"],
            &[b"Bearer\ta"],
            &[b"Bearer \xff"],
            &[b"Bearer a", b"Bearer a"],
        ] {
            assert_eq!(bearer(&headers(values)), Err(TokenError::Invalid), "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(value in "[ -~]{0,60}") {
            let headers = headers(&[value.as_bytes()]);
            prop_assert_ne!(bearer(&headers), Ok(None));
        }
    }
}
