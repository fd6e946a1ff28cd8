//! The bounds of one page of a list that is ordered by (`created_at`, id).

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// How many rows a page has: 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PageSize(u8);

/// A page size outside 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be between 1 and {max}", max = PageSize::MAX)]
pub struct PageSizeError;

impl PageSize {
    /// The largest page.
    pub const MAX: u8 = 100;
    /// The page of a caller who did not say.
    pub const DEFAULT: Self = Self(20);

    /// The number of rows.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<i32> for PageSize {
    type Error = PageSizeError;

    fn try_from(size: i32) -> Result<Self, PageSizeError> {
        match u8::try_from(size) {
            Ok(size @ 1..=Self::MAX) => Ok(Self(size)),
            _ => Err(PageSizeError),
        }
    }
}

/// A place in the list. Valid whether or not its row still exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Keyset {
    /// When the row came to be; microseconds are kept.
    pub created_at: DateTime<Utc>,
    /// Tells rows of one instant apart.
    pub id: Uuid,
}

/// Which way a page is walked, in the order of its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the start of the list towards its end.
    Forward,
    /// From the end of the list towards its start.
    Backward,
}

/// One page: how many rows, which way, from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageSpec {
    /// Rows wanted.
    pub size: PageSize,
    /// The way it is walked.
    pub direction: Direction,
    /// Exclusive; `None` is the end of the list at which the walk starts.
    pub from: Option<Keyset>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_one_to_a_hundred_rows() {
        assert_eq!(PageSize::try_from(1).map(PageSize::get), Ok(1));
        assert_eq!(PageSize::try_from(100).map(PageSize::get), Ok(100));
        for size in [i32::MIN, -1, 0, 101, 256, 257, i32::MAX] {
            assert_eq!(PageSize::try_from(size), Err(PageSizeError), "{size}");
        }
    }
}
