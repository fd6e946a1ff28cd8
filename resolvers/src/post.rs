//! Posts.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};
use nova_core::PostId;

use crate::{
    connection::{CommentConnection, Listing, UserConnection},
    cursor::ListId,
    error::{Field, count, fetch},
    node::loaders,
    page_args::PageArgs,
    scalar::DateTime,
    user::User,
};

/// What kind of content a post is.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentType {
    /// Text.
    Post,
    /// A recorded video.
    Video,
    /// A live stream.
    Stream,
}

impl From<nova_loaders::ContentType> for ContentType {
    fn from(content_type: nova_loaders::ContentType) -> Self {
        match content_type {
            nova_loaders::ContentType::Post => Self::Post,
            nova_loaders::ContentType::Video => Self::Video,
            nova_loaders::ContentType::Stream => Self::Stream,
        }
    }
}

impl From<ContentType> for nova_loaders::ContentType {
    fn from(content_type: ContentType) -> Self {
        match content_type {
            ContentType::Post => Self::Post,
            ContentType::Video => Self::Video,
            ContentType::Stream => Self::Stream,
        }
    }
}

/// What somebody published.
pub(crate) struct Post(pub(crate) Arc<nova_loaders::Post>);

impl Post {
    /// The post of `id`.
    pub(crate) async fn load(ctx: &Context<'_>, id: PostId) -> Field<Self> {
        fetch(ctx, |loaders| loaders.post(id), Self).await
    }

    /// One of its lists, as cursors are bound to it.
    fn list(&self, field: &'static str) -> ListId {
        ListId { field, parent: self.0.id.0 }
    }
}

/// The comments on `post`, as cursors are bound to them.
pub(crate) fn comments_on(post: PostId) -> ListId {
    ListId { field: "Post.comments", parent: post.0 }
}

/// What somebody published.
#[Object]
impl Post {
    /// Names the post for ever. Opaque.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_global())
    }

    /// Who wrote it.
    async fn author(&self, ctx: &Context<'_>) -> Field<User> {
        User::load(ctx, self.0.author_id).await
    }

    /// What it says.
    async fn body(&self) -> &str {
        &self.0.body
    }

    /// What kind of content it is.
    async fn content_type(&self) -> ContentType {
        self.0.content_type.into()
    }

    /// What it is about, as its author filed it.
    async fn category(&self) -> Option<&str> {
        self.0.category.as_deref()
    }

    /// When it was published.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }

    /// How many like it.
    async fn like_count(&self, ctx: &Context<'_>) -> Field<i32> {
        fetch(ctx, |loaders| loaders.like_count(self.0.id), count).await
    }

    /// How many comments it has.
    async fn comment_count(&self, ctx: &Context<'_>) -> Field<i32> {
        fetch(ctx, |loaders| loaders.comment_count(self.0.id), count).await
    }

    /// Whether the viewer likes it. Null when anonymous.
    async fn viewer_has_liked(&self, ctx: &Context<'_>) -> Field<bool> {
        let viewer = loaders(ctx).viewer()?.user_id;
        fetch(ctx, |loaders| loaders.viewer_likes(viewer, self.0.id), |likes| likes).await
    }

    /// Its comments, oldest first.
    async fn comments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the oldest on: 1 to 100. 20 when left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, up to the newest: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Field<CommentConnection> {
        loaders(ctx).prime_posts(std::slice::from_ref(&self.0)); // for `Comment.post`
        let args = PageArgs { first, after, last, before };
        let load = |spec| loaders(ctx).comments_on(self.0.id, spec);
        Listing::page(ctx, comments_on(self.0.id), args, load, CommentConnection).await
    }

    /// Who likes it, newest like first.
    async fn likers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100. 20 when left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
    ) -> Field<UserConnection> {
        let args = PageArgs { first, after, ..PageArgs::default() };
        let load = |spec| loaders(ctx).likers_of(self.0.id, spec);
        Listing::page(ctx, self.list("Post.likers"), args, load, UserConnection).await
    }
}
