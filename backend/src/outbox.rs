//! What other stores must hear of: one row per change, in the change's own transaction. No sink is configured yet, so an
//! event has no deliveries.

use serde_json::{Value, json};
use sqlx::{Postgres, postgres::PgArguments, query::QueryAs};
use uuid::Uuid;

/// $1: what it is about, $2: kind, $3: payload as JSON.
const INSERT: &str = "insert into outbox_events (aggregate, kind, payload) values ($1, $2, $3::jsonb) returning id";

/// Something that was changed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    PostCreated { post: Uuid, author: Uuid },
    PostUpdated { post: Uuid, author: Uuid },
    PostDeleted { post: Uuid, author: Uuid },
    CommentAdded { comment: Uuid, post: Uuid, author: Uuid },
    CommentDeleted { comment: Uuid, post: Uuid, author: Uuid },
    LikeAdded { post: Uuid, user: Uuid },
    LikeRemoved { post: Uuid, user: Uuid },
    FollowAdded { follower: Uuid, followee: Uuid },
    FollowRemoved { follower: Uuid, followee: Uuid },
    UserUpdated { user: Uuid },
}

impl Event {
    fn kind(self) -> &'static str {
        match self {
            Self::PostCreated { .. } => "post.created",
            Self::PostUpdated { .. } => "post.updated",
            Self::PostDeleted { .. } => "post.deleted",
            Self::CommentAdded { .. } => "comment.added",
            Self::CommentDeleted { .. } => "comment.deleted",
            Self::LikeAdded { .. } => "like.added",
            Self::LikeRemoved { .. } => "like.removed",
            Self::FollowAdded { .. } => "follow.added",
            Self::FollowRemoved { .. } => "follow.removed",
            Self::UserUpdated { .. } => "user.updated",
        }
    }

    /// The row whose lock orders the events. An edge is its own: likes of one post do not wait for each other.
    fn aggregate(self) -> String {
        match self {
            Self::PostCreated { post, .. } | Self::PostUpdated { post, .. } | Self::PostDeleted { post, .. } => {
                format!("post:{post}")
            }
            Self::CommentAdded { comment, .. } | Self::CommentDeleted { comment, .. } => format!("comment:{comment}"),
            Self::LikeAdded { post, user } | Self::LikeRemoved { post, user } => format!("like:{post}:{user}"),
            Self::FollowAdded { follower, followee } | Self::FollowRemoved { follower, followee } => {
                format!("follow:{follower}:{followee}")
            }
            Self::UserUpdated { user } => format!("user:{user}"),
        }
    }

    fn payload(self) -> Value {
        match self {
            Self::PostCreated { post, author }
            | Self::PostUpdated { post, author }
            | Self::PostDeleted { post, author } => json!({ "post": post, "author": author }),
            Self::CommentAdded { comment, post, author } | Self::CommentDeleted { comment, post, author } => {
                json!({ "comment": comment, "post": post, "author": author })
            }
            Self::LikeAdded { post, user } | Self::LikeRemoved { post, user } => json!({ "post": post, "user": user }),
            Self::FollowAdded { follower, followee } | Self::FollowRemoved { follower, followee } => {
                json!({ "follower": follower, "followee": followee })
            }
            Self::UserUpdated { user } => json!({ "user": user }),
        }
    }
}

/// The statement that writes `event`.
pub(crate) fn insert(event: &Event) -> QueryAs<'static, Postgres, (i64,), PgArguments> {
    sqlx::query_as(INSERT).bind(event.aggregate()).bind(event.kind()).bind(event.payload().to_string())
}
