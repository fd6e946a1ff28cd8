//! The cost expression: what an operation may cost, as a function of its variables, made once for a document and evaluated for
//! each request. Sums that hold for every request are added up when it is made; what a variable bounds is a node. A fragment is
//! one node wherever it is spread, so that the expression is never longer than the document. All arithmetic saturates.

use async_graphql::{Name, Value};

use super::shape::{MAX_PAGE, Tenths};

/// A part of the expression, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NodeId(usize);

/// A sum that is not complete yet: what is certain, and what depends on variables.
#[derive(Debug, Clone, Default)]
pub(super) struct Sum {
    certain: Tenths,
    nodes: Vec<NodeId>,
}

/// How often something comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bound {
    /// So often.
    Times(u64),
    /// As the variable says: a number, or a list that has so many. When it is not said, the fallback holds. `at_least` comes
    /// from elsewhere.
    Variable { name: Name, fallback: u64, at_least: u64 },
}

#[derive(Debug)]
struct Node {
    bound: Bound,
    sum: Sum,
}

/// The expression of a document: the costs of its operations are sums within it.
#[derive(Debug, Default)]
pub(super) struct Expression {
    nodes: Vec<Node>,
}

impl Sum {
    pub(super) const fn of(certain: Tenths) -> Self {
        Self { certain, nodes: Vec::new() }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.certain = self.certain.saturating_add(other.certain);
        self.nodes.extend_from_slice(&other.nodes);
    }

    /// What it comes to when no variable has a part in it.
    pub(super) fn certain(&self) -> Tenths {
        self.certain
    }
}

impl Expression {
    /// `sum`, as often as `bound` says.
    pub(super) fn times(&mut self, bound: Bound, sum: Sum) -> Sum {
        match bound {
            Bound::Times(times) if sum.nodes.is_empty() => Sum::of(sum.certain.saturating_mul(times)),
            _ if sum.nodes.is_empty() && sum.certain == 0 => sum,
            bound => {
                self.nodes.push(Node { bound, sum });
                Sum { certain: 0, nodes: vec![NodeId(self.nodes.len() - 1)] }
            }
        }
    }

    /// The same as `sum`, as one node, for a sum that will be used more than once.
    pub(super) fn shared(&mut self, sum: Sum) -> Sum {
        if sum.nodes.len() > 1 { self.times(Bound::Times(1), sum) } else { sum }
    }

    /// What `sum` comes to, when `bound` says what the variables ask for.
    pub(super) fn evaluate(&self, sum: &Sum, bound: impl Fn(&Name) -> Option<u64>) -> Tenths {
        if sum.nodes.is_empty() {
            return sum.certain;
        }
        // A node's parts stand before it.
        let mut known = Vec::with_capacity(self.nodes.len());
        let total = |sum: &Sum, known: &[Tenths]| {
            sum.nodes.iter().fold(sum.certain, |total, node| total.saturating_add(known[node.0]))
        };
        for node in &self.nodes {
            let times = match &node.bound {
                Bound::Times(times) => *times,
                Bound::Variable { name, fallback, at_least } => bound(name).unwrap_or(*fallback).max(*at_least),
            };
            known.push(total(&node.sum, &known).saturating_mul(times));
        }
        total(sum, &known)
    }
}

/// How many a value asks for. A page that is too large or too small is refused where it is read: it costs nothing more.
pub(super) fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => Some(number.as_u64().unwrap_or(0).min(MAX_PAGE)),
        Value::List(values) => Some(values.len() as u64),
        Value::Null => None,
        // One value stands for a list of it (GraphQL specification, §3.11).
        _ => Some(1),
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    fn variable(name: &str) -> Bound {
        Bound::Variable { name: Name::new(name), fallback: 100, at_least: 0 }
    }

    #[test]
    fn a_variable_counts_as_what_it_is_and_as_the_most_when_it_is_not_said() {
        let mut expression = Expression::default();
        let inner = expression.times(variable("b"), Sum::of(3));
        let mut sum = Sum::of(10);
        sum.add(&inner);
        let sum = expression.times(variable("a"), sum);
        let cost =
            |a: Value, b: Value| expression.evaluate(&sum, |name| count(if name.as_str() == "a" { &a } else { &b }));
        assert_eq!(cost(value!(2), value!(5)), 2 * (10 + 5 * 3));
        assert_eq!(cost(value!(null), value!(5)), 100 * (10 + 5 * 3));
        assert_eq!(cost(value!(100_000), value!(-1)), 100 * 10, "beyond its bounds it is refused where it is read");
        assert_eq!(cost(value!([1, 2, 3]), value!("x")), 3 * (10 + 3));
        assert_eq!(expression.evaluate(&sum, |_| None), 100 * (10 + 100 * 3));
    }

    #[test]
    fn what_no_variable_bounds_is_added_up_at_once() {
        let mut expression = Expression::default();
        let sum = expression.times(Bound::Times(7), Sum::of(3));
        assert_eq!((sum.certain(), expression.nodes.len()), (21, 0));
        assert_eq!(expression.times(Bound::Times(u64::MAX), Sum::of(2)).certain(), u64::MAX);
        let nothing = expression.times(variable("a"), Sum::default());
        assert!(nothing.nodes.is_empty());
    }

    #[test]
    fn what_is_used_twice_is_kept_once() {
        let mut expression = Expression::default();
        let mut sum = expression.times(variable("a"), Sum::of(1));
        for _ in 0..200 {
            let mut twice = sum.clone();
            twice.add(&sum);
            sum = expression.shared(twice);
        }
        assert_eq!(expression.nodes.len(), 201);
        assert_eq!(expression.evaluate(&sum, |_| None), u64::MAX);
    }
}
