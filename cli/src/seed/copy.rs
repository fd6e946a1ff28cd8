//! The tables that are loaded, and their rows as `COPY … (FORMAT binary)` takes them, in chunks over a bounded channel.
//!
//! Never talks to a database: the loader reads the other end.

use tokio::sync::mpsc::Sender;
use uuid::Uuid;

use super::random::Micros;

/// Bytes after which a chunk is handed over.
const CHUNK_BYTES: usize = 256 * 1024;
/// From the Unix epoch to 2000-01-01, where the times of Postgres begin.
const POSTGRES_EPOCH: Micros = 946_684_800_000_000;

/// A table of the network, in the order of loading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// Who is there.
    Users,
    /// Who follows whom.
    Follows,
    /// What they wrote.
    Posts,
    /// What they answered.
    Comments,
    /// What they liked.
    Likes,
}

impl Table {
    /// All of them, in the order of loading.
    pub const ALL: [Self; 5] = [Self::Users, Self::Follows, Self::Posts, Self::Comments, Self::Likes];

    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Follows => "follows",
            Self::Posts => "posts",
            Self::Comments => "comments",
            Self::Likes => "likes",
        }
    }

    /// The columns that rows carry, in their order.
    pub(super) const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Users => &["id", "username", "display_name", "bio", "avatar_url", "is_verified", "created_at"],
            Self::Follows => &["follower_id", "followee_id", "created_at"],
            Self::Posts => &["id", "author_id", "body", "content_type", "category", "created_at", "updated_at"],
            Self::Comments => &["id", "post_id", "author_id", "body", "created_at"],
            Self::Likes => &["post_id", "user_id", "created_at"],
        }
    }
}

/// Rows of one table, ready to be sent.
pub(super) struct Chunk {
    pub(super) table: Table,
    pub(super) rows: u64,
    pub(super) bytes: Vec<u8>,
}

/// Nobody takes the rows any more.
#[derive(Debug)]
pub(super) struct Stopped;

/// Collects the rows of one table and hands them over in chunks.
pub(super) struct Rows<'a> {
    table: Table,
    bytes: Vec<u8>,
    added: u64,
    out: &'a Sender<Chunk>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(table: Table, out: &'a Sender<Chunk>) -> Self {
        Self { table, bytes: Vec::with_capacity(CHUNK_BYTES + 4096), added: 0, out }
    }

    /// Adds the row whose columns `write` writes, every one and in order. Blocks while the receiver is behind.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut Fields<'_>)) -> Result<(), Stopped> {
        let columns = i16::try_from(self.table.columns().len()).unwrap_or_default();
        self.bytes.extend_from_slice(&columns.to_be_bytes());
        write(&mut Fields(&mut self.bytes));
        self.added += 1;
        if self.bytes.len() >= CHUNK_BYTES { self.send() } else { Ok(()) }
    }

    /// Hands over what is left.
    pub(super) fn finish(mut self) -> Result<(), Stopped> {
        self.send()
    }

    fn send(&mut self) -> Result<(), Stopped> {
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(CHUNK_BYTES + 4096));
        let chunk = Chunk { table: self.table, rows: std::mem::take(&mut self.added), bytes };
        self.out.blocking_send(chunk).map_err(|_| Stopped)
    }
}

/// Writes the columns of one row.
pub(super) struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    fn field(&mut self, value: &[u8]) -> &mut Self {
        // No value here comes near the 2 GiB that the length could not tell.
        self.0.extend_from_slice(&i32::try_from(value.len()).unwrap_or_default().to_be_bytes());
        self.0.extend_from_slice(value);
        self
    }

    pub(super) fn id(&mut self, id: Uuid) -> &mut Self {
        self.field(id.as_bytes())
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.field(text.as_bytes())
    }

    pub(super) fn optional(&mut self, text: Option<&str>) -> &mut Self {
        if let Some(text) = text {
            return self.text(text);
        }
        self.0.extend_from_slice(&(-1_i32).to_be_bytes());
        self
    }

    pub(super) fn flag(&mut self, flag: bool) -> &mut Self {
        self.field(&[u8::from(flag)])
    }

    pub(super) fn time(&mut self, at: Micros) -> &mut Self {
        self.field(&(at - POSTGRES_EPOCH).to_be_bytes())
    }
}
