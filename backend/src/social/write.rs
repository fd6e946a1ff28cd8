//! Makes and removes edges. To make one that is there, or to remove one that is not, changes nothing and is no failure.

use nova_core::{ErrorCode, UserId};
use nova_proto::KeyFailure;
use uuid::Uuid;

use super::sql;
use crate::{
    call::Call,
    engagement::{self, Engagement},
    outbox::Event,
    store::Store,
    write::{Refusal, Write},
};

/// An edge that starts at the caller.
#[derive(Debug, Clone, Copy)]
pub(super) enum EdgeKind {
    /// To a post.
    Like,
    /// To a user.
    Follow,
}

/// What becomes of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Add,
    Remove,
}

impl EdgeKind {
    fn operation(self, change: Change) -> &'static str {
        match (self, change) {
            (Self::Like, Change::Add) => "like_post",
            (Self::Like, Change::Remove) => "unlike_post",
            (Self::Follow, Change::Add) => "follow_user",
            (Self::Follow, Change::Remove) => "unfollow_user",
        }
    }

    /// Takes the far end as `$1` and the caller as `$2`; gives a row when it changed something.
    fn statement(self, change: Change) -> &'static str {
        match (self, change) {
            (Self::Like, Change::Add) => sql::LIKE,
            (Self::Like, Change::Remove) => sql::UNLIKE,
            (Self::Follow, Change::Add) => sql::FOLLOW,
            (Self::Follow, Change::Remove) => sql::UNFOLLOW,
        }
    }

    /// Takes the far end as `$1`; gives a row when it is there.
    fn visible(self) -> &'static str {
        match self {
            Self::Like => sql::POST_IS_THERE,
            Self::Follow => sql::USER_IS_THERE,
        }
    }

    fn event(self, change: Change, to: Uuid, from: Uuid) -> Event {
        match (self, change) {
            (Self::Like, Change::Add) => Event::LikeAdded { post: to, user: from },
            (Self::Like, Change::Remove) => Event::LikeRemoved { post: to, user: from },
            (Self::Follow, Change::Add) => Event::FollowAdded { follower: from, followee: to },
            (Self::Follow, Change::Remove) => Event::FollowRemoved { follower: from, followee: to },
        }
    }
}

/// Makes or removes the edge from `user` to `to`; answers whether that made a difference.
pub(super) async fn edge(
    store: &Store,
    call: &Call,
    kind: EdgeKind,
    change: Change,
    user: UserId,
    to: Uuid,
) -> Result<bool, Refusal> {
    let mut write = Write::begin(store, call, kind.operation(change)).await?;
    let statement = sqlx::query_as::<_, (bool,)>(kind.statement(change)).bind(to).bind(user.0);
    if write.row(statement).await?.is_none() {
        let there = sqlx::query_as::<_, (bool,)>(kind.visible()).bind(to);
        if write.row(there).await?.is_none() {
            return Err(KeyFailure(ErrorCode::NotFound));
        }
        // Somebody who is gone changes nothing either, and that is no success.
        let writer = sqlx::query_as::<_, (bool,)>(sql::USER_IS_THERE).bind(user.0);
        return match write.row(writer).await? {
            Some(_) => Ok(false),
            None => Err(KeyFailure(ErrorCode::Unauthenticated)),
        };
    }
    if let (EdgeKind::Like, Change::Add) = (kind, change) {
        engagement::note(&mut write, Engagement::Like, to, user.0).await?;
    }
    write.tell(&kind.event(change, to, user.0)).await?;
    write.commit().await?;
    Ok(true)
}
