//! What the catalogue says of one flag.

use std::fmt;

use serde_json::Value;

/// A flag of the catalogue: what it switches, for whom, and until when.
#[derive(Debug)]
pub struct Flag {
    /// Its name in Unleash, `part.what`.
    pub name: &'static str,
    /// Its accessor on the [`Policy`](crate::Policy).
    pub accessor: &'static str,
    /// For whom it is decided.
    pub scope: Scope,
    /// Which side of the wire obeys it.
    pub read_in: ReadIn,
    /// How the answers of both sides compare.
    pub equivalence: Equivalence,
    /// Why there is a flag.
    pub kind: Kind,
    /// What holds when nobody says anything else.
    pub default: bool,
    /// Who answers for it.
    pub owner: &'static str,
    /// The day by which the flag is to be gone, as `YYYY-MM-DD`; `None` for one that stays.
    pub end: Option<&'static str>,
    /// What the old way is.
    pub off: &'static str,
    /// What happens when it is on.
    pub on: &'static str,
    /// The fields of its payload; none for a flag without one.
    pub payload: &'static [Field],
}

/// For whom a flag is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Once for each request, for its caller.
    Request,
    /// At each sync, for the instance.
    Process,
}

/// Which side of the wire between gateway and backend obeys a flag. What the backend reads travels with the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadIn {
    /// The gateway alone.
    Gateway,
    /// The backend.
    Backend,
}

/// How the answers of both sides compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equivalence {
    /// Equal, byte for byte, always.
    Same,
    /// Equal while nothing fails and nothing is refused.
    SameWhenHealthy,
    /// Meant to differ; the text says in what.
    Different(&'static str),
}

/// Why there is a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To bring a change out gradually; it goes when everybody has it.
    Release,
    /// To tune a running system; it stays.
    Operational,
    /// To take something out of service; it stays.
    KillSwitch,
}

/// One field of a payload, which is a JSON object. Inside it is a number, whatever it looks like outside.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its key.
    pub name: &'static str,
    /// What it means, with the unit.
    pub meaning: &'static str,
    /// What holds when the payload leaves it out.
    pub default: u64,
    /// The least that is taken.
    pub min: u64,
    /// The most that is taken.
    pub max: u64,
    /// The words that an operator writes for the numbers, from 0 on; none where it is the number that is written.
    pub words: &'static [&'static str],
}

impl Field {
    /// What it takes, for people.
    #[must_use]
    pub fn range(&self) -> String {
        match self.words {
            [] => format!("{} to {}", self.min, self.max),
            words => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or "),
        }
    }

    /// `value` as an operator writes it.
    #[must_use]
    pub fn write(&self, value: u64) -> Value {
        match usize::try_from(value).ok().and_then(|at| self.words.get(at)) {
            Some(word) => Value::from(*word),
            None => Value::from(value),
        }
    }

    /// What an operator wrote; `None` when it is not in the range.
    pub(crate) fn read(&self, value: &Value) -> Option<u64> {
        let value = match self.words {
            [] => value.as_u64()?,
            words => {
                let word = value.as_str()?;
                words.iter().zip(0..).find(|(known, _)| **known == word)?.1
            }
        };
        (self.min..=self.max).contains(&value).then_some(value)
    }
}

impl Scope {
    /// In a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Process => "process",
        }
    }
}

impl Kind {
    /// Unleash's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Operational => "operational",
            Self::KillSwitch => "kill-switch",
        }
    }
}

impl fmt::Display for Equivalence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("same"),
            Self::SameWhenHealthy => f.write_str("same when healthy"),
            Self::Different(how) => write!(f, "different by purpose: {how}"),
        }
    }
}
