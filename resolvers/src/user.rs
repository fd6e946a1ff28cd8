//! People.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use nova_core::UserId;

use crate::{
    connection::{Listing, PostConnection, UserConnection},
    cursor::ListId,
    error::{Field, count, fetch},
    node::loaders,
    page_args::PageArgs,
    scalar::DateTime,
};

/// Stands where the name of somebody stood who is gone.
const TOMBSTONE_USERNAME: &str = "deleted";
/// Stands where the display name of somebody stood who is gone.
const TOMBSTONE_DISPLAY_NAME: &str = "Deleted user";

/// A person.
#[derive(Clone)]
pub(crate) struct User(pub(crate) Arc<nova_loaders::User>);

impl User {
    /// The user of `id`; a deleted one is a tombstone.
    pub(crate) async fn load(ctx: &Context<'_>, id: UserId) -> Field<Self> {
        fetch(ctx, |loaders| loaders.user(id), Self).await
    }

    /// The user of `id`; a deleted one is absent.
    pub(crate) async fn load_living(ctx: &Context<'_>, id: UserId) -> Field<Self> {
        Self::load(ctx, id).await.filter(|user| user.as_ref().map_or(true, |user| !user.0.deleted))
    }

    fn list(&self, field: &'static str) -> ListId {
        ListId { field, parent: self.0.id.0 }
    }
}

/// A person.
#[Object]
impl User {
    /// Names the user for ever. Opaque.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_global())
    }

    /// Unique, in any case.
    async fn username(&self) -> &str {
        if self.0.deleted { TOMBSTONE_USERNAME } else { &self.0.username }
    }

    /// As the user wants to be called.
    async fn display_name(&self) -> &str {
        if self.0.deleted { TOMBSTONE_DISPLAY_NAME } else { &self.0.display_name }
    }

    /// What the user says about themselves.
    async fn bio(&self) -> Option<&str> {
        self.0.bio.as_deref()
    }

    /// Where a picture of the user is.
    async fn avatar_url(&self) -> Option<&str> {
        self.0.avatar_url.as_deref()
    }

    /// Whether somebody checked who this is.
    async fn is_verified(&self) -> bool {
        self.0.is_verified
    }

    /// When the account came to be.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// How many follow the user.
    async fn follower_count(&self, ctx: &Context<'_>) -> Field<i32> {
        fetch(ctx, |loaders| loaders.follow_counts(self.0.id), |counts| count(counts.followers)).await
    }

    /// How many the user follows.
    async fn following_count(&self, ctx: &Context<'_>) -> Field<i32> {
        fetch(ctx, |loaders| loaders.follow_counts(self.0.id), |counts| count(counts.following)).await
    }

    /// How many posts the user has.
    async fn post_count(&self, ctx: &Context<'_>) -> Field<i32> {
        fetch(ctx, |loaders| loaders.post_count(self.0.id), count).await
    }

    /// Whether the viewer follows the user. Null when anonymous.
    async fn viewer_follows(&self, ctx: &Context<'_>) -> Field<bool> {
        let viewer = loaders(ctx).viewer()?.user_id;
        fetch(ctx, |loaders| loaders.viewer_follows(viewer, self.0.id), |follows| follows).await
    }

    /// The user's posts, newest first.
    async fn posts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the newest on: 1 to 100. 20 when left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, up to the oldest: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Field<PostConnection> {
        let args = PageArgs { first, after, last, before };
        let load = |spec| loaders(ctx).posts_of(self.0.id, spec);
        Listing::page(ctx, self.list("User.posts"), args, load, |listing, page| PostConnection::new(ctx, listing, page))
            .await
    }

    /// Who follows the user, newest follow first.
    async fn followers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100. 20 when left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
    ) -> Field<UserConnection> {
        let args = PageArgs { first, after, ..PageArgs::default() };
        let load = |spec| loaders(ctx).followers_of(self.0.id, spec);
        Listing::page(ctx, self.list("User.followers"), args, load, UserConnection).await
    }

    /// Whom the user follows, newest follow first.
    async fn following(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100. 20 when left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
    ) -> Field<UserConnection> {
        let args = PageArgs { first, after, ..PageArgs::default() };
        let load = |spec| loaders(ctx).followed_by(self.0.id, spec);
        Listing::page(ctx, self.list("User.following"), args, load, UserConnection).await
    }
}
