//! Whether a limit refuses, or only says what it would refuse.

use super::define::FieldType;

/// What a limit does about what is over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It counts it and lets it pass.
    Measure,
    /// It refuses it.
    Enforce,
}

impl FieldType for Mode {
    const WORDS: &'static [&'static str] = &["measure", "enforce"];

    fn from_value(value: u64) -> Self {
        if value == 0 { Self::Measure } else { Self::Enforce }
    }
}
