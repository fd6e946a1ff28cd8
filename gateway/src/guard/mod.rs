//! The static guard: says what a document can cost before anything is spent on it. It stands before validation, whose time a
//! few hundred bytes can blow up, and which no timeout stops. [`scan`](scan::scan) looks over the text before it is parsed,
//! [`Measures`] walks what was parsed, once, in time that is linear in its length; both are kept with the document. For each
//! request the cost expression is evaluated with its variables and compared with the limits ([decision]).
//!
//! It never says whether a document is valid, and reads no clock: it counts.
//!
//! [decision]: ../../../docs/decisions/static-guard.md

mod cost;
pub(crate) mod limits;
mod measure;
mod metrics;
mod scan;
mod shape;

use async_graphql::{
    Name, ServerError, Variables,
    parser::{Error as ParseError, parse_query, parse_schema, types::ExecutableDocument},
};
use nova_core::ErrorCode;

pub(crate) use self::metrics::LimitMetrics;
use self::{
    limits::{Excess, Load, Measure},
    measure::{Measures, OperationMeasures, Unmeasurable, values_in},
    shape::{Shape, Tenths},
};
use crate::errors;

/// A document that was parsed and measured, and is within the ceilings that hold for its text.
pub(crate) struct Prepared {
    pub(crate) document: ExecutableDocument,
    measures: Measures,
    bytes: u64,
    tokens: u64,
}

/// Why a document goes no further.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// It is no GraphQL.
    Unparsed(ParseError),
    /// A block string in it does not end.
    Endless,
    /// It is over a ceiling.
    TooLarge(Excess),
    /// One of its fragments spreads itself.
    Cycle(Name),
}

impl Unfit {
    /// As the client hears of it.
    pub(crate) fn error(&self) -> ServerError {
        match self {
            Self::Unparsed(failure) => errors::parse_failed(failure),
            Self::Endless => {
                let message = format!("{}: a block string does not end", ErrorCode::GraphqlParseFailed);
                errors::error(ErrorCode::GraphqlParseFailed, message, None)
            }
            Self::TooLarge(excess) => excess.error(),
            Self::Cycle(fragment) => {
                let message = format!("Cannot spread fragment \"{fragment}\" within itself");
                errors::error(ErrorCode::GraphqlValidationFailed, message, None)
            }
        }
    }

    /// What it has too much of, if that is why.
    pub(crate) fn exceeded(&self) -> Option<Measure> {
        match self {
            Self::TooLarge(excess) => Some(excess.measure),
            Self::Unparsed(_) | Self::Endless | Self::Cycle(_) => None,
        }
    }
}

/// The export of the schema is not one.
#[derive(Debug, thiserror::Error)]
#[error("the schema can't be read back from its export: {0}")]
pub struct SchemaError(#[source] ParseError);

/// Prepares documents for one schema.
pub(crate) struct Guard {
    shape: Shape,
}

impl Guard {
    /// For the schema that `sdl` describes.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn new(sdl: &str) -> Result<Self, SchemaError> {
        Ok(Self { shape: Shape::of(&parse_schema(sdl).map_err(SchemaError)?) })
    }

    /// Looks over, parses and measures a document.
    pub(crate) fn prepare(&self, text: &str) -> Result<Prepared, Unfit> {
        let scan = scan::scan(text);
        let (bytes, tokens) = (text.len() as u64, scan.tokens as u64);
        limits::text(bytes, tokens, scan.nesting as u64).map_err(Unfit::TooLarge)?;
        if scan.is_endless {
            return Err(Unfit::Endless);
        }
        let document = parse_query(text).map_err(Unfit::Unparsed)?;
        let measures = Measures::of(&document, &self.shape).map_err(|why| match why {
            Unmeasurable::Cycle(fragment) => Unfit::Cycle(fragment),
            Unmeasurable::TooNested => Unfit::TooLarge(limits::too_nested()),
        })?;
        limits::document(bytes, &measures).map_err(Unfit::TooLarge)?;
        Ok(Prepared { document, measures, bytes, tokens })
    }
}

impl Prepared {
    /// What the operation that `name` means comes to with these variables.
    pub(crate) fn load<'a>(&'a self, name: Option<&str>, variables: &Variables) -> Load<'a> {
        let found = self.measures.operation(name);
        let bound = |name: &Name| match variables.get(name) {
            Some(value) => cost::count(value),
            None => found.defaults.get(name).copied(),
        };
        let mut longest_string = self.measures.longest_string;
        let uses = |name: &Name| self.measures.uses.get(name).copied().unwrap_or(1);
        let given =
            variables.iter().map(|(name, value)| values_in(value, &mut longest_string).saturating_mul(uses(name)));
        let defaults = found.default_values.iter().filter(|(name, _)| !variables.contains_key(name));
        let defaults = defaults.map(|(name, values)| values.saturating_mul(uses(name)));
        let values = given.chain(defaults).fold(0, u64::saturating_add);
        Load {
            bytes: self.bytes,
            tokens: self.tokens,
            document: &self.measures,
            operation: found,
            complexity: points(self.measures.expression.evaluate(&found.cost, bound)),
            introspection: points(found.introspection),
            values,
            longest_string,
        }
    }

    /// Whether an operation in it is too dear whatever its variables are.
    pub(crate) fn never_runs(&self) -> Option<Unfit> {
        let least = |operation: &OperationMeasures| {
            let cost = self.measures.expression.evaluate(&operation.cost, |_| Some(0));
            points(cost.saturating_add(operation.introspection))
        };
        let excess = self.measures.all().find_map(|operation| limits::ceiling(least(operation)).err());
        excess.map(Unfit::TooLarge)
    }
}

/// Tenths as whole points, rounded up.
fn points(tenths: Tenths) -> u64 {
    tenths.div_ceil(10)
}

#[cfg(test)]
mod tests;
