//! Comments.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use crate::{
    error::{Field, field},
    node::loaders,
    post::Post,
    scalar::DateTime,
    user::User,
};

/// What somebody said about a post.
pub(crate) struct Comment(pub(crate) Arc<nova_loaders::Comment>);

/// What somebody said about a post.
#[Object]
impl Comment {
    /// Names the comment for ever. Opaque.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_global())
    }

    /// Who wrote it.
    async fn author(&self, ctx: &Context<'_>) -> Field<User> {
        User::load(loaders(ctx), self.0.author_id).await
    }

    /// What it is about.
    async fn post(&self, ctx: &Context<'_>) -> Field<Post> {
        field(loaders(ctx).post(self.0.post_id).await, Post)
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
