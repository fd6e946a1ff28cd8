//! Writing posts.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use nova_core::{Category, UserId};
use nova_loaders::NewPost;

use super::input::{body, key, mutate, text, written};
use crate::{
    connection::PostEdge,
    error::Field,
    node::{loaders, post_id},
    post::{ContentType, Post},
    query::feed_of,
};

/// A post to be.
#[derive(InputObject)]
pub(super) struct CreatePostInput {
    /// What it says: 1 to 10,000 characters.
    body: String,
    /// What kind of content it is.
    #[graphql(default_with = "ContentType::Post")]
    content_type: ContentType,
    /// What it is filed under: 1 to 50 characters.
    category: Option<String>,
    /// 1 to 64 characters of your choice, good for 24 hours: the same key with the same input makes one post, however often it
    /// is sent; with another input it is CONFLICT.
    idempotency_key: Option<String>,
}

/// What to change in a post.
#[derive(InputObject)]
pub(super) struct UpdatePostInput {
    /// Which one: it must be the viewer's.
    post_id: ID,
    /// What it is to say: 1 to 10,000 characters.
    body: String,
}

/// Which post to delete.
#[derive(InputObject)]
pub(super) struct DeletePostInput {
    /// Which one: it must be the viewer's.
    post_id: ID,
}

/// A post that was made.
pub(super) struct CreatePostPayload(UserId, Arc<nova_loaders::Post>);

/// A post that was made.
#[Object]
impl CreatePostPayload {
    /// The post.
    async fn post(&self) -> Option<Post> {
        Some(Post(Arc::clone(&self.1)))
    }

    /// The post as it stands in the viewer's feed.
    async fn post_edge(&self) -> Option<PostEdge> {
        Some(PostEdge(feed_of(self.0), Arc::clone(&self.1)))
    }
}

/// A post that was changed.
#[derive(SimpleObject)]
pub(super) struct UpdatePostPayload {
    /// The post.
    post: Option<Post>,
}

/// A post that was deleted.
#[derive(SimpleObject)]
pub(super) struct DeletePostPayload {
    /// Which one it was.
    deleted_post_id: ID,
}

/// Writing posts.
#[derive(Default)]
pub(super) struct Posts;

/// Writing posts.
#[Object]
impl Posts {
    /// Publishes a post of the viewer's.
    async fn create_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The post to be.")] input: CreatePostInput,
    ) -> Field<CreatePostPayload> {
        mutate(ctx, async |viewer| {
            let sent_key = input.idempotency_key.clone();
            let new = NewPost {
                body: body(input.body)?,
                content_type: input.content_type.into(),
                category: input.category.map(|c| text("input.category", c, Category::new)).transpose()?,
                key: key(input.idempotency_key)?,
            };
            let post = written(loaders(ctx).create_post(new).await, sent_key.as_deref())?;
            Ok(CreatePostPayload(viewer, post))
        })
        .await
    }

    /// Changes what a post of the viewer's says. FORBIDDEN when it is somebody else's.
    async fn update_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdatePostInput,
    ) -> Field<UpdatePostPayload> {
        mutate(ctx, async |_| {
            let (id, body) = (post_id(&input.post_id)?, body(input.body)?);
            let post = written(loaders(ctx).update_post(id, body).await, None)?;
            Ok(UpdatePostPayload { post: Some(Post(post)) })
        })
        .await
    }

    /// Deletes a post of the viewer's, and its comments with it. FORBIDDEN when it is somebody else's.
    async fn delete_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which post.")] input: DeletePostInput,
    ) -> Field<DeletePostPayload> {
        mutate(ctx, async |_| {
            let id = post_id(&input.post_id)?;
            written(loaders(ctx).delete_post(id).await, None)?;
            Ok(DeletePostPayload { deleted_post_id: ID(id.to_global()) })
        })
        .await
    }
}
