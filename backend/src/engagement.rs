//! Engagement that people's own writes prove: a like, a comment. What trending is computed from.

use uuid::Uuid;

use crate::write::{Refusal, Write};

/// $1: post, $2: who, $3: what they did.
const INSERT: &str = "
    insert into engagement_events (content_id, content_type, user_id, event_type)
    select id, content_type, $2, $3 from posts where id = $1 returning id";

/// What somebody did with a post.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Engagement {
    Like,
    Comment,
}

/// Notes, in the transaction of the write itself, what `user` did with `post`.
pub(crate) async fn note(write: &mut Write<'_>, kind: Engagement, post: Uuid, user: Uuid) -> Result<(), Refusal> {
    let kind = match kind {
        Engagement::Like => "like",
        Engagement::Comment => "comment",
    };
    write.row(sqlx::query_as::<_, (i64,)>(INSERT).bind(post).bind(user).bind(kind)).await.map(drop)
}
