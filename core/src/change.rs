//! What becomes of a column that may be empty.

/// A change of an optional value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It becomes nothing.
    Clear,
    /// It becomes this.
    To(T),
}

impl<T> Change<T> {
    /// Whether it changes at all.
    #[must_use]
    pub fn changes(&self) -> bool {
        !matches!(self, Self::Keep)
    }

    /// What it becomes, if that is something.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::To(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }
}
