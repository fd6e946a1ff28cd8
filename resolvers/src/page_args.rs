//! The arguments of a connection field, checked.

use async_graphql::Error;
use nova_core::{Direction, ErrorCode, PageSize, PageSpec};

use crate::{
    cursor::{CursorCodec, ListId},
    error::{bad_input, error},
};

/// `first after last before`, as they came.
#[derive(Debug, Default)]
pub(crate) struct PageArgs {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
}

impl PageArgs {
    /// The page they ask for. `first` goes with `after`, `last` with `before`, and never both pairs.
    pub(crate) fn spec(&self, codec: &CursorCodec, list: ListId) -> Result<PageSpec, Error> {
        let backward = match self {
            Self { first: Some(_), last: Some(_), .. } => {
                return Err(bad_input("last", "can't be combined with first"));
            }
            Self { first: Some(_), before: Some(_), .. } => {
                return Err(bad_input("before", "can't be combined with first"));
            }
            Self { last: Some(_), after: Some(_), .. } => {
                return Err(bad_input("after", "can't be combined with last"));
            }
            Self { after: Some(_), before: Some(_), .. } => {
                return Err(bad_input("before", "can't be combined with after"));
            }
            Self { last, before, .. } => last.is_some() || before.is_some(),
        };
        let (direction, name, size, cursor) = if backward {
            (Direction::Backward, "last", self.last, &self.before)
        } else {
            (Direction::Forward, "first", self.first, &self.after)
        };
        let size = match size {
            Some(size) => PageSize::try_from(size).map_err(|error| bad_input(name, &error.to_string()))?,
            None => PageSize::DEFAULT,
        };
        let from = match cursor {
            Some(cursor) => Some(codec.decode(list, cursor).map_err(|_| error(ErrorCode::InvalidCursor))?),
            None => None,
        };
        Ok(PageSpec { size, direction, from })
    }
}

#[cfg(test)]
mod tests {
    use nova_core::token::TokenSecret;
    use uuid::Uuid;

    use super::*;

    const LIST: ListId = ListId { field: "Query.feed", parent: Uuid::nil() };

    fn outcome(first: Option<i32>, after: Option<&str>, last: Option<i32>, before: Option<&str>) -> String {
        let codec = CursorCodec::new(&TokenSecret::new([1; 32]).unwrap());
        let args = PageArgs { first, after: after.map(str::to_owned), last, before: before.map(str::to_owned) };
        match args.spec(&codec, LIST) {
            Ok(spec) => format!("{:?} {}", spec.direction, spec.size.get()),
            Err(error) => {
                let extensions = error.extensions.unwrap();
                let text = |name| extensions.get(name).map(ToString::to_string).unwrap_or_default();
                format!("{} {}", text("code"), text("argument"))
            }
        }
    }

    #[test]
    fn each_combination_has_its_page_or_its_code() {
        assert_eq!(outcome(None, None, None, None), "Forward 20");
        assert_eq!(outcome(Some(1), None, None, None), "Forward 1");
        assert_eq!(outcome(Some(100), None, None, None), "Forward 100");
        assert_eq!(outcome(None, None, Some(7), None), "Backward 7");
        for size in [0, -1, 101, i32::MAX, i32::MIN] {
            assert_eq!(outcome(Some(size), None, None, None), "\"BAD_USER_INPUT\" \"first\"");
            assert_eq!(outcome(None, None, Some(size), None), "\"BAD_USER_INPUT\" \"last\"");
        }
        assert_eq!(outcome(Some(1), None, Some(1), None), "\"BAD_USER_INPUT\" \"last\"");
        assert_eq!(outcome(Some(1), None, None, Some("x")), "\"BAD_USER_INPUT\" \"before\"");
        assert_eq!(outcome(None, Some("x"), Some(1), None), "\"BAD_USER_INPUT\" \"after\"");
        assert_eq!(outcome(None, Some("x"), None, Some("x")), "\"BAD_USER_INPUT\" \"before\"");
        assert_eq!(outcome(None, Some("x"), None, None), "\"INVALID_CURSOR\" ");
        assert_eq!(outcome(None, None, None, Some("")), "\"INVALID_CURSOR\" ");
    }
}
