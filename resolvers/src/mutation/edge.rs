//! Liking and following. To ask twice is to ask once.

use async_graphql::{Context, ID, InputObject, Object};
use nova_core::{PostId, UserId};

use super::input::{mutate, written};
use crate::{
    error::{Field, bad_input},
    node::{loaders, post_id, user_id},
    post::Post,
    user::User,
};

/// What to like.
#[derive(InputObject)]
pub(super) struct LikePostInput {
    /// Which post.
    post_id: ID,
}

/// What to like no more.
#[derive(InputObject)]
pub(super) struct UnlikePostInput {
    /// Which post.
    post_id: ID,
}

/// Whom to follow.
#[derive(InputObject)]
pub(super) struct FollowUserInput {
    /// Which user: anybody but the viewer.
    user_id: ID,
}

/// Whom to follow no more.
#[derive(InputObject)]
pub(super) struct UnfollowUserInput {
    /// Which user.
    user_id: ID,
}

/// A post that the viewer likes.
pub(super) struct LikePostPayload(PostId);

/// A post that the viewer likes.
#[Object]
impl LikePostPayload {
    /// The post.
    async fn post(&self, ctx: &Context<'_>) -> Field<Post> {
        Post::load(ctx, self.0).await
    }
}

/// A post that the viewer does not like.
pub(super) struct UnlikePostPayload(PostId);

/// A post that the viewer does not like.
#[Object]
impl UnlikePostPayload {
    /// The post.
    async fn post(&self, ctx: &Context<'_>) -> Field<Post> {
        Post::load(ctx, self.0).await
    }
}

/// Somebody whom the viewer follows.
pub(super) struct FollowUserPayload {
    user: UserId,
    viewer: UserId,
}

/// Somebody whom the viewer follows.
#[Object]
impl FollowUserPayload {
    /// Who that is.
    async fn user(&self, ctx: &Context<'_>) -> Field<User> {
        User::load(ctx, self.user).await
    }

    /// Who follows.
    async fn viewer(&self, ctx: &Context<'_>) -> Field<User> {
        User::load(ctx, self.viewer).await
    }
}

/// Somebody whom the viewer does not follow.
pub(super) struct UnfollowUserPayload {
    user: UserId,
    viewer: UserId,
}

/// Somebody whom the viewer does not follow.
#[Object]
impl UnfollowUserPayload {
    /// Who that is.
    async fn user(&self, ctx: &Context<'_>) -> Field<User> {
        User::load(ctx, self.user).await
    }

    /// Who follows no more.
    async fn viewer(&self, ctx: &Context<'_>) -> Field<User> {
        User::load(ctx, self.viewer).await
    }
}

/// Liking and following.
#[derive(Default)]
pub(super) struct Edges;

/// Liking and following.
#[Object]
impl Edges {
    /// Sees to it that the viewer likes a post.
    async fn like_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which post.")] input: LikePostInput,
    ) -> Field<LikePostPayload> {
        mutate(ctx, async |_| {
            let post = post_id(&input.post_id)?;
            written(loaders(ctx).like_post(post).await, None)?;
            Ok(LikePostPayload(post))
        })
        .await
    }

    /// Sees to it that the viewer does not like a post.
    async fn unlike_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which post.")] input: UnlikePostInput,
    ) -> Field<UnlikePostPayload> {
        mutate(ctx, async |_| {
            let post = post_id(&input.post_id)?;
            written(loaders(ctx).unlike_post(post).await, None)?;
            Ok(UnlikePostPayload(post))
        })
        .await
    }

    /// Sees to it that the viewer follows a user. Nobody follows themselves.
    async fn follow_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which user.")] input: FollowUserInput,
    ) -> Field<FollowUserPayload> {
        mutate(ctx, async |viewer| {
            let user = somebody_else(viewer, user_id(&input.user_id)?)?;
            written(loaders(ctx).follow_user(user).await, None)?;
            Ok(FollowUserPayload { user, viewer })
        })
        .await
    }

    /// Sees to it that the viewer does not follow a user.
    async fn unfollow_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which user.")] input: UnfollowUserInput,
    ) -> Field<UnfollowUserPayload> {
        mutate(ctx, async |viewer| {
            let user = user_id(&input.user_id)?;
            written(loaders(ctx).unfollow_user(user).await, None)?;
            Ok(UnfollowUserPayload { user, viewer })
        })
        .await
    }
}

fn somebody_else(viewer: UserId, user: UserId) -> Result<UserId, async_graphql::Error> {
    if user == viewer { Err(bad_input("input.userId", "nobody follows themselves")) } else { Ok(user) }
}
