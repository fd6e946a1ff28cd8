//! The session of an anonymous caller: what a rollout sticks to when there is no user. It is issued while some flag is in
//! rollout and not otherwise, and says nothing about who somebody is: it carries no right, and nothing is kept under it.

use http::{HeaderMap, HeaderValue, header::COOKIE};
use nova_core::{Environment, SharedIds};
use uuid::Uuid;

/// The cookie's name.
const NAME: &str = "nova_session";
/// How long a browser keeps it, in seconds: a rollout should not take longer.
const MAX_AGE: u32 = 90 * 24 * 60 * 60;

/// The session of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: String,
    /// Whether the caller is still to hear of it.
    is_new: bool,
}

impl Session {
    /// The session that the request brings; a new one when it brings none and `needed`. `None` when there are no random
    /// numbers either: then each request is decided for itself.
    pub(crate) fn of(headers: &HeaderMap, needed: bool, ids: &SharedIds) -> Option<Self> {
        match brought(headers) {
            Some(id) => Some(Self { id: id.to_string(), is_new: false }),
            None if needed => Some(Self { id: ids.next_id().ok()?.to_string(), is_new: true }),
            None => None,
        }
    }

    /// The cookie that tells a caller of a new session.
    pub(crate) fn cookie(&self, environment: &Environment) -> Option<HeaderValue> {
        // A developer's machine has no TLS.
        let secure = if environment.is_development() { "" } else { "; Secure" };
        let cookie = format!("{NAME}={}; Path=/; Max-Age={MAX_AGE}; HttpOnly; SameSite=Lax{secure}", self.id);
        self.is_new.then(|| HeaderValue::try_from(cookie).ok()).flatten()
    }
}

/// An id that we may have issued.
fn brought(headers: &HeaderMap) -> Option<Uuid> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == NAME).and_then(|(_, id)| Uuid::try_parse(id).ok())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use nova_core::{IdSource, NoRandomness};

    use super::*;

    const ID: &str = "01890000-0000-7000-8000-000000000001";

    #[derive(Debug)]
    struct One(Result<Uuid, NoRandomness>);

    impl IdSource for One {
        fn next_id(&self) -> Result<Uuid, NoRandomness> {
            self.0
        }
    }

    fn ids() -> SharedIds {
        Arc::new(One(Ok(Uuid::from_u128(7))))
    }

    fn with(cookies: &[&'static str]) -> HeaderMap {
        cookies.iter().map(|cookie| (COOKIE, HeaderValue::from_static(cookie))).collect()
    }

    #[test]
    fn a_session_is_taken_from_among_other_cookies() {
        for cookies in [
            &["nova_session=01890000-0000-7000-8000-000000000001"][..],
            &["a=b; nova_session=01890000-0000-7000-8000-000000000001; c"],
            &["a=b", "nova_session=01890000-0000-7000-8000-000000000001"],
        ] {
            let session = Session::of(&with(cookies), true, &ids()).unwrap();
            assert_eq!((session.id.as_str(), session.cookie(&Environment::production())), (ID, None));
        }
    }

    #[test]
    fn one_is_issued_when_it_is_needed_and_never_else() {
        for cookies in [&[][..], &["nova_session=x"], &["my_nova_session=01890000-0000-7000-8000-000000000001"]] {
            assert_eq!(Session::of(&with(cookies), false, &ids()), None, "{cookies:?}");
            let session = Session::of(&with(cookies), true, &ids()).unwrap();
            let cookie = session.cookie(&Environment::production()).unwrap();
            assert_eq!(
                cookie,
                "nova_session=00000000-0000-0000-0000-000000000007; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax; Secure"
            );
            assert!(!session.cookie(&Environment::development()).unwrap().to_str().unwrap().contains("Secure"));
        }
        let none: SharedIds = Arc::new(One(Err(NoRandomness)));
        assert_eq!(Session::of(&HeaderMap::new(), true, &none), None);
    }
}
