//! Comments.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use nova_core::CommentId;

use crate::{
    error::{Field, fetch},
    post::Post,
    scalar::DateTime,
    user::User,
};

/// What somebody said about a post.
pub(crate) struct Comment(pub(crate) Arc<nova_loaders::Comment>);

impl Comment {
    /// The comment of `id`.
    pub(crate) async fn load(ctx: &Context<'_>, id: CommentId) -> Field<Self> {
        fetch(ctx, |loaders| loaders.comment(id), Self).await
    }
}

/// What somebody said about a post.
#[Object]
impl Comment {
    /// Names the comment for ever. Opaque.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_global())
    }

    /// Who wrote it.
    async fn author(&self, ctx: &Context<'_>) -> Field<User> {
        User::load(ctx, self.0.author_id).await
    }

    /// What it is about.
    async fn post(&self, ctx: &Context<'_>) -> Field<Post> {
        Post::load(ctx, self.0.post_id).await
    }

    /// What it says.
    async fn body(&self) -> &str {
        &self.0.body
    }

    /// When it was written.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
}
