//! A directed graph made of edges that come in any order, some of them twice.

use std::collections::HashMap;

use super::{EdgeCounts, error::Fault};

/// As many as `nova seed --users` takes.
const MAX_USERS: u32 = 10_000_000;

/// Who follows whom. The same graph is the same value, whatever the order of its edges was.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Graph {
    /// The numbers of the list, ascending. Their places are what `follows` speaks of.
    pub(in super::super) nodes: Vec<u64>,
    /// Follower and followee, ascending and each pair once. Nobody follows themselves.
    pub(in super::super) follows: Vec<(u32, u32)>,
}

/// Collects edges.
#[derive(Default)]
pub(super) struct Builder {
    /// The place at which a number first came.
    places: HashMap<u64, u32>,
    edges: Vec<(u32, u32)>,
    self_loops: u64,
}

impl Builder {
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Adds an edge. A number that only ever comes with itself is a user, too.
    pub(super) fn add(&mut self, one: u64, other: u64) -> Result<(), Fault> {
        let (one, other) = (self.place(one)?, self.place(other)?);
        if one == other {
            self.self_loops += 1;
        } else {
            self.edges.push((one, other));
        }
        Ok(())
    }

    fn place(&mut self, number: u64) -> Result<u32, Fault> {
        let next = u32::try_from(self.places.len()).ok().filter(|next| *next < MAX_USERS);
        match (self.places.get(&number), next) {
            (Some(place), _) => Ok(*place),
            (None, Some(next)) => Ok(*self.places.entry(number).or_insert(next)),
            (None, None) => Err(Fault::ManyUsers(MAX_USERS)),
        }
    }

    /// The graph: each edge one follow, or two where it is not `directed`.
    pub(super) fn build(self, directed: bool) -> (Graph, EdgeCounts) {
        let Self { places, edges: mut follows, self_loops } = self;
        let mut numbered: Vec<(u64, u32)> = places.into_iter().collect();
        numbered.sort_unstable();
        let mut sorted_place = vec![0; numbered.len()];
        for (sorted, (_, came)) in (0_u32..).zip(&numbered) {
            sorted_place[*came as usize] = sorted;
        }
        let nodes: Vec<u64> = numbered.into_iter().map(|(number, _)| number).collect();

        let came = follows.len();
        for (one, other) in &mut follows {
            let (from, to) = (sorted_place[*one as usize], sorted_place[*other as usize]);
            // Without a direction, `a b` and `b a` are the same.
            (*one, *other) = if directed { (from, to) } else { (from.min(to), from.max(to)) };
        }
        follows.sort_unstable_by_key(|pair| order(*pair));
        follows.dedup();
        let different = follows.len();
        if !directed {
            follows.reserve_exact(different);
            follows.extend_from_within(..);
            for pair in &mut follows[different..] {
                *pair = (pair.1, pair.0);
            }
            follows.sort_unstable_by_key(|pair| order(*pair));
        }
        let counts = EdgeCounts {
            edges: came as u64 + self_loops,
            duplicates: (came - different) as u64,
            self_loops,
            users: nodes.len() as u64,
            follows: follows.len() as u64,
        };
        (Graph { nodes, follows }, counts)
    }
}

/// The order of pairs, as one number: compared in one step, where comparing pairs takes several and counts for seconds in a
/// build that is not optimised.
fn order((one, other): (u32, u32)) -> u64 {
    u64::from(one) << 32 | u64::from(other)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn graph(edges: &[(u64, u64)], directed: bool) -> (Graph, EdgeCounts) {
        let mut builder = Builder::default();
        for (one, other) in edges {
            builder.add(*one, *other).unwrap();
        }
        builder.build(directed)
    }

    #[test]
    fn an_edge_without_direction_is_two_follows() {
        let (graph, counts) = graph(&[(7, 3), (3, 7), (7, 3), (9, 9), (9, 7)], false);
        assert_eq!(graph.nodes, [3, 7, 9]);
        assert_eq!(graph.follows, [(0, 1), (1, 0), (1, 2), (2, 1)]);
        assert_eq!(counts, EdgeCounts { edges: 5, duplicates: 2, self_loops: 1, users: 3, follows: 4 });
    }

    #[test]
    fn an_edge_with_direction_is_one() {
        let (graph, counts) = graph(&[(7, 3), (3, 7), (7, 3), (9, 9)], true);
        assert_eq!(graph.follows, [(0, 1), (1, 0)]);
        assert_eq!(counts, EdgeCounts { edges: 4, duplicates: 1, self_loops: 1, users: 3, follows: 2 });
    }

    proptest! {
        #[test]
        fn a_graph_is_the_set_of_its_edges(
            edges in prop::collection::vec((0_u64..12, 0_u64..12), 1..60).prop_shuffle(),
            directed: bool,
        ) {
            let (built, counts) = graph(&edges, directed);
            let mut sorted = edges.clone();
            sorted.sort_unstable();
            prop_assert_eq!(&built, &graph(&sorted, directed).0);

            let mut expected: BTreeSet<_> = edges.iter().copied().filter(|(one, other)| one != other).collect();
            if !directed {
                expected.extend(expected.clone().into_iter().map(|(one, other)| (other, one)));
            }
            let follows: Vec<_> =
                built.follows.iter().map(|(a, b)| (built.nodes[*a as usize], built.nodes[*b as usize])).collect();
            prop_assert_eq!(follows, expected.into_iter().collect::<Vec<_>>());
            let told = counts.follows / if directed { 1 } else { 2 };
            prop_assert_eq!(counts.edges, edges.len() as u64);
            prop_assert_eq!(counts.edges - counts.duplicates - counts.self_loops, told);
        }
    }
}
