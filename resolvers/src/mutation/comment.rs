//! Writing comments.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object};
use nova_core::{CommentId, PostId};
use nova_loaders::NewComment;

use super::input::{body, key, mutate, written};
use crate::{
    comment::Comment,
    connection::CommentEdge,
    error::Field,
    node::{comment_id, loaders, post_id},
    post::{Post, comments_on},
};

/// A comment to be.
#[derive(InputObject)]
pub(super) struct AddCommentInput {
    /// The post it is about.
    post_id: ID,
    /// What it says: 1 to 10,000 characters.
    body: String,
    /// 1 to 64 characters of your choice, good for 24 hours: the same key with the same input makes one comment, however often
    /// it is sent; with another input it is CONFLICT.
    idempotency_key: Option<String>,
}

/// Which comment to delete.
#[derive(InputObject)]
pub(super) struct DeleteCommentInput {
    /// Which one: it must be the viewer's, or stand below a post of the viewer's.
    comment_id: ID,
}

/// A comment that was made.
pub(super) struct AddCommentPayload(Arc<nova_loaders::Comment>);

/// A comment that was made.
#[Object]
impl AddCommentPayload {
    /// The comment.
    async fn comment(&self) -> Option<Comment> {
        Some(Comment(Arc::clone(&self.0)))
    }

    /// The comment as it stands among those on its post.
    async fn comment_edge(&self) -> Option<CommentEdge> {
        Some(CommentEdge(comments_on(self.0.post_id), Arc::clone(&self.0)))
    }

    /// The post it is about.
    async fn post(&self, ctx: &Context<'_>) -> Field<Post> {
        Post::load(ctx, self.0.post_id).await
    }
}

/// A comment that was deleted.
pub(super) struct DeleteCommentPayload(CommentId, PostId);

/// A comment that was deleted.
#[Object]
impl DeleteCommentPayload {
    /// Which one it was.
    async fn deleted_comment_id(&self) -> ID {
        ID(self.0.to_global())
    }

    /// The post it was about.
    async fn post(&self, ctx: &Context<'_>) -> Field<Post> {
        Post::load(ctx, self.1).await
    }
}

/// Writing comments.
#[derive(Default)]
pub(super) struct Comments;

/// Writing comments.
#[Object]
impl Comments {
    /// Says something about a post.
    async fn add_comment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The comment to be.")] input: AddCommentInput,
    ) -> Field<AddCommentPayload> {
        mutate(ctx, async |_| {
            let sent_key = input.idempotency_key.clone();
            let new = NewComment {
                post: post_id(&input.post_id)?,
                body: body(input.body)?,
                key: key(input.idempotency_key)?,
            };
            written(loaders(ctx).add_comment(new).await, sent_key.as_deref()).map(AddCommentPayload)
        })
        .await
    }

    /// Deletes a comment of the viewer's, or one on a post of the viewer's. FORBIDDEN when it is neither.
    async fn delete_comment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which comment.")] input: DeleteCommentInput,
    ) -> Field<DeleteCommentPayload> {
        mutate(ctx, async |_| {
            let id = comment_id(&input.comment_id)?;
            let post = written(loaders(ctx).delete_comment(id).await, None)?;
            Ok(DeleteCommentPayload(id, post))
        })
        .await
    }
}
