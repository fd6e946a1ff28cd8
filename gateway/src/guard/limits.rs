//! The limits: hard ceilings that always hold, and tighter ones by flag, which refuse or only count what they would refuse.

use async_graphql::ServerError;
use nova_core::ErrorCode;
use nova_flags::{Mode, Policy};

use super::measure::{Measures, OperationMeasures};
use crate::errors;

/// Selection sets within each other. The library's own ceiling is 32, and its message has no code.
pub(super) const MAX_NESTING: u64 = 30;
/// Brackets within each other: the sets above, and the lists and objects of an argument in the innermost.
const MAX_BRACKETS: u64 = 64;
/// Tokens of any document.
const MAX_TOKENS: u64 = 15_000;
/// Tokens that a document may have however short it is.
const SHORT_TOKENS: u64 = 1_500;
/// Bytes for each token beyond those. Parsing costs by the token, and a document that is long should cost more than a short one.
const BYTES_PER_TOKEN: u64 = 5;
const MAX_FRAGMENTS: u64 = 1_000;
const MAX_ALIASES: u64 = 1_000;
const MAX_DIRECTIVES: u64 = 1_000;
const MAX_OPERATIONS: u64 = 100;
const MAX_ROOT_FIELDS: u64 = 1_000;
const MAX_SELECTIONS: u64 = 10_000;
const MAX_COMPARISONS: u64 = 20_000;
/// Selections, and comparisons, that a document may have however short it is.
const SHORT: u64 = 4_000;
/// Bytes for each beyond those.
const BYTES_PER_ONE: u64 = 2;
/// Bytes of one string: the longest text of a post, four bytes a character, and some more for who writes too much.
const MAX_STRING: u64 = 65_536;
const MAX_COMPLEXITY: u64 = 100_000;
/// Values in variables, each counted as often as its variable is used; 64 bytes of text are one, too.
const MAX_VALUES: u64 = 100_000;

macro_rules! measures {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $plural:literal;)*) => {
        /// What is measured and limited.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Measure { $($(#[doc = $doc])* $variant,)* }

        impl Measure {
            /// All of them.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in errors and metrics.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it counts, for people.
            const fn plural(self) -> &'static str {
                match self { $(Self::$variant => $plural,)* }
            }
        }
    };
}

measures! {
    /// The length of the document.
    Bytes = "bytes", "bytes";
    /// Its tokens.
    Tokens = "tokens", "tokens";
    /// Brackets within each other, or selection sets.
    Nesting = "nesting", "levels of nesting";
    /// Fragments that it defines.
    Fragments = "fragments", "fragments";
    /// Aliases.
    Aliases = "aliases", "aliases";
    /// Directives.
    Directives = "directives", "directives";
    /// Operations that it defines.
    Operations = "operations", "operations";
    /// What validation compares.
    Comparisons = "comparisons", "comparisons to make";
    /// Fields at the root of the operation.
    RootFields = "root_fields", "root fields";
    /// Selections of all operations, with all fragments in their places.
    Selections = "selections", "selections, fragments spread out";
    /// Fields below fields.
    Depth = "depth", "levels of fields";
    /// What it costs.
    Complexity = "complexity", "points of complexity";
    /// What its variables hold.
    Values = "values", "values in variables";
    /// The longest string.
    String = "string", "bytes in one string";
}

/// More of something than there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Excess {
    pub(crate) measure: Measure,
    value: u64,
    max: u64,
}

impl Excess {
    /// As the client hears of it: what there is too much of, how much there is, and how much there may be.
    pub(crate) fn error(self) -> ServerError {
        let Self { measure, value, max } = self;
        let message = format!("the operation has {value} {}; {max} are allowed", measure.plural());
        let mut error = errors::error(ErrorCode::LimitExceeded, message, None);
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("limit", measure.as_str());
        extensions.set("value", value);
        extensions.set("max", max);
        error
    }
}

/// The first of `limits` that is exceeded.
fn check(limits: impl IntoIterator<Item = (Measure, u64, u64)>) -> Result<(), Excess> {
    match limits.into_iter().find(|(_, value, max)| value > max) {
        Some((measure, value, max)) => Err(Excess { measure, value, max }),
        None => Ok(()),
    }
}

/// The ceilings of a text, before it is parsed.
pub(super) fn text(bytes: u64, tokens: u64, brackets: u64) -> Result<(), Excess> {
    let max_tokens = MAX_TOKENS.min(SHORT_TOKENS.max(bytes / BYTES_PER_TOKEN));
    check([(Measure::Tokens, tokens, max_tokens), (Measure::Nesting, brackets, MAX_BRACKETS)])
}

/// That it is nested too deep to be measured.
pub(super) fn too_nested() -> Excess {
    Excess { measure: Measure::Nesting, value: MAX_NESTING + 1, max: MAX_NESTING }
}

/// The ceilings of a document, whichever of its operations is meant: validation looks at all of them.
pub(super) fn document(bytes: u64, measures: &Measures) -> Result<(), Excess> {
    let by_length = (bytes / BYTES_PER_ONE).max(SHORT);
    check([
        (Measure::Fragments, measures.fragments, MAX_FRAGMENTS),
        (Measure::Aliases, measures.aliases, MAX_ALIASES),
        (Measure::Directives, measures.directives, MAX_DIRECTIVES),
        (Measure::Operations, measures.operations(), MAX_OPERATIONS),
        (Measure::Comparisons, measures.comparisons, MAX_COMPARISONS.min(by_length)),
        (Measure::Selections, measures.selections, MAX_SELECTIONS.min(by_length)),
        (Measure::String, measures.longest_string, MAX_STRING),
    ])?;
    measures.all().try_for_each(|operation| check([(Measure::RootFields, operation.root_fields, MAX_ROOT_FIELDS)]))
}

/// The ceiling of what an operation costs, in points.
pub(super) fn ceiling(complexity: u64) -> Result<(), Excess> {
    check([(Measure::Complexity, complexity, MAX_COMPLEXITY)])
}

/// What `policy` says of a text of so many bytes, before anything is done with it. In mode `measure` that is said later.
pub(crate) fn refused_unseen(bytes: u64, policy: &Policy) -> Result<(), Excess> {
    match policy.limits_document() {
        Some(limit) if limit.mode == Mode::Enforce => check([(Measure::Bytes, bytes, limit.bytes)]),
        _ => Ok(()),
    }
}

/// What one request is measured to be: its document, its operation, and its variables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'a> {
    pub(crate) bytes: u64,
    pub(crate) tokens: u64,
    pub(crate) document: &'a Measures,
    pub(crate) operation: &'a OperationMeasures,
    /// Whole points, rounded up.
    pub(crate) complexity: u64,
    /// Whole points of what describes the schema.
    pub(super) introspection: u64,
    pub(crate) values: u64,
    /// Of the document and the variables.
    pub(crate) longest_string: u64,
}

impl Load<'_> {
    /// What it measures, by measure.
    pub(crate) fn of(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Bytes => self.bytes,
            Measure::Tokens => self.tokens,
            Measure::Nesting => self.operation.nesting,
            Measure::Fragments => self.document.fragments,
            Measure::Aliases => self.document.aliases,
            Measure::Directives => self.document.directives,
            Measure::Operations => self.document.operations(),
            Measure::Comparisons => self.document.comparisons,
            Measure::RootFields => self.operation.root_fields,
            Measure::Selections => self.document.selections,
            Measure::Depth => self.operation.depth,
            Measure::Complexity => self.complexity,
            Measure::Values => self.values,
            Measure::String => self.longest_string,
        }
    }

    /// Whether it is within the ceilings and the limits of `policy`. `exceeded` hears of every limit that is exceeded, with what
    /// is done about it.
    ///
    /// # Errors
    /// The first limit that refuses.
    pub(crate) fn within(
        &self,
        policy: &Policy,
        may_introspect: bool,
        mut exceeded: impl FnMut(&'static str, Mode),
    ) -> Result<(), ServerError> {
        let mut first = None;
        let mut hear = |limit: &'static str, mode: Mode, error: &dyn Fn() -> ServerError| {
            exceeded(limit, mode);
            if mode == Mode::Enforce && first.is_none() {
                first = Some(error());
            }
        };
        let mut compare = |limits: &[(Measure, u64)], mode| {
            for (measure, max) in limits.iter().filter(|(measure, max)| self.of(*measure) > *max) {
                let excess = Excess { measure: *measure, value: self.of(*measure), max: *max };
                hear(measure.as_str(), mode, &|| excess.error());
            }
        };
        compare(&[(Measure::Values, MAX_VALUES), (Measure::String, MAX_STRING)], Mode::Enforce);
        if let Some(limit) = policy.limits_document() {
            let limits = [
                (Measure::Bytes, limit.bytes),
                (Measure::Tokens, limit.tokens.into()),
                (Measure::Fragments, limit.fragments.into()),
                (Measure::Aliases, limit.aliases.into()),
                (Measure::Directives, limit.directives.into()),
                (Measure::Operations, limit.operations.into()),
                (Measure::RootFields, limit.root_fields.into()),
                (Measure::Selections, limit.selections.into()),
            ];
            compare(&limits, limit.mode);
        }
        if let Some(limit) = policy.limits_depth() {
            compare(&[(Measure::Depth, limit.max.into())], limit.mode);
        }
        // The ceiling holds whatever the flag says, and what describes the schema costs, too.
        let complexity = self.complexity.saturating_add(self.introspection);
        match (ceiling(complexity), policy.limits_complexity()) {
            (Err(excess), _) => hear(excess.measure.as_str(), Mode::Enforce, &|| excess.error()),
            (Ok(()), Some(limit)) => compare(&[(Measure::Complexity, limit.max.into())], limit.mode),
            (Ok(()), None) => {}
        }
        match policy.limits_introspection() {
            Some(limit) if self.operation.introspects && !may_introspect => {
                hear("introspection", limit.mode, &introspection_refused);
            }
            _ => {}
        }
        first.map_or(Ok(()), Err)
    }
}

fn introspection_refused() -> ServerError {
    errors::error(ErrorCode::Forbidden, "the description of the schema is not given out here", None)
}
