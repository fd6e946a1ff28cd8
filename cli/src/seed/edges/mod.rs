//! A real graph to seed from: an edge list as SNAP publishes them (<https://snap.stanford.edu/data/>).
//!
//! The list is read to its end and checked before anything is loaded. What is kept in memory is 8 bytes per line, as much
//! again for both directions, and about 60 bytes per user: with the bounds below less than 1.5 GB.

mod error;
mod file;
mod graph;
mod line;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use tokio::sync::mpsc;

pub use error::EdgeError;
pub(super) use graph::Graph;

use super::{Progress, SeedError};
use error::Fault;
use file::Lines;
use graph::Builder;
use line::Line;

/// Lines that a list may have, comments included.
const MAX_LINES: u64 = 50_000_000;
/// Lines between two reports.
const REPORT_EVERY: u64 = 1_000_000;

/// Which graph to seed from.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct EdgeArgs {
    /// Take who follows whom from a SNAP edge list: two numbers a line, `#` begins a comment, plain or gzip, at most
    /// 50,000,000 lines and 10,000,000 numbers. The two of a line follow each other. Number 7 becomes the user `node7`;
    /// profiles and posts are generated.
    #[arg(long, value_name = "FILE", conflicts_with = "users")]
    pub edges: Option<PathBuf>,
    /// In the edge list, `a b` means that a follows b, and only that.
    #[arg(long, requires = "edges")]
    pub directed: bool,
}

/// What an edge list held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EdgeCounts {
    /// Lines with two numbers.
    pub edges: u64,
    /// Those of them that said again what another line had said.
    pub duplicates: u64,
    /// Those of them that named one number twice.
    pub self_loops: u64,
    /// Different numbers, each a user.
    pub users: u64,
    /// What came of them.
    pub follows: u64,
}

impl fmt::Display for EdgeCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { edges, duplicates, self_loops, users, follows } = self;
        write!(f, "{edges} edges, {duplicates} duplicates and {self_loops} self-loops among them: ")?;
        write!(f, "{users} users, {follows} follows")
    }
}

/// The graph of the list at `path`. Where the list is not `directed`, each of its lines makes two follows.
pub(super) async fn read(path: &Path, directed: bool, progress: &mut impl FnMut(Progress)) -> Result<Graph, SeedError> {
    let (tell, mut told) = mpsc::channel(1);
    let path = path.to_owned();
    // On a thread of its own, which ends when nobody listens any more.
    let reading = tokio::task::spawn_blocking(move || {
        let tell = |lines| tell.blocking_send(lines).map_err(|_| Fault::Stopped);
        read_blocking(&path, directed, tell).map_err(|fault| EdgeError { path, fault })
    });
    while let Some(lines) = told.recv().await {
        progress(Progress::Reading { lines });
    }
    let (graph, counts) = reading.await.map_err(|_| SeedError::Unfinished)??;
    progress(Progress::Read(counts));
    Ok(graph)
}

fn read_blocking(
    path: &Path,
    directed: bool,
    tell: impl Fn(u64) -> Result<(), Fault>,
) -> Result<(Graph, EdgeCounts), Fault> {
    let mut lines = Lines::open(path)?;
    let mut builder = Builder::default();
    while let Some((number, text)) = lines.next()? {
        if number > MAX_LINES {
            return Err(Fault::ManyLines(MAX_LINES));
        }
        if number % REPORT_EVERY == 0 {
            tell(number)?;
        }
        match line::parse(text).map_err(|malformed| Fault::malformed(number, text, malformed))? {
            Line::Edge(one, other) => builder.add(one, other)?,
            Line::Nothing => {}
        }
    }
    if builder.is_empty() {
        return Err(Fault::NoEdge { lines: lines.number() });
    }
    Ok(builder.build(directed))
}
