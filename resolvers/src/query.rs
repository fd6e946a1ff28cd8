//! Where reading begins.

use async_graphql::{Context, Error, ID, Object};
use futures_util::future::join_all;
use nova_core::{ErrorCode, UserId};

use crate::{
    connection::{Listing, PostConnection},
    cursor::ListId,
    error::{Field, bad_input, error, fetch},
    node::{Node, loaders, post_id},
    page_args::PageArgs,
    post::Post,
    user::User,
};

/// Most ids of one `nodes`.
const MAX_NODES: usize = 100;
/// Longest username that anybody has, in bytes; what is longer is not looked for.
const MAX_USERNAME_BYTES: usize = 256;

/// The feed of `viewer`, as cursors are bound to it.
pub(crate) fn feed_of(viewer: UserId) -> ListId {
    ListId { field: "Query.feed", parent: viewer.0 }
}

/// Where reading begins.
pub struct Query;

/// Where reading begins.
#[Object]
impl Query {
    /// The object of this id. Null when there is none.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of a user, a post or a comment.")] id: ID,
    ) -> Field<Node> {
        Node::load(ctx, &id).await
    }

    /// The objects of these ids, in their order. Null for each that there is not.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most 100 ids of users, posts and comments.")] ids: Vec<ID>,
    ) -> Result<Vec<Field<Node>>, Error> {
        if ids.len() > MAX_NODES {
            return Err(bad_input("ids", "must be at most 100"));
        }
        Ok(join_all(ids.iter().map(|id| Node::load(ctx, id))).await)
    }

    /// Who asks. Null when anonymous.
    async fn viewer(&self, ctx: &Context<'_>) -> Field<User> {
        let viewer = loaders(ctx).viewer()?.user_id;
        User::load_living(ctx, viewer).await
    }

    /// The user of this name. Null when there is none.
    async fn user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The name, in any case.")] username: String,
    ) -> Field<User> {
        if username.len() > MAX_USERNAME_BYTES {
            return None;
        }
        fetch(ctx, |loaders| loaders.user_named(&username), User).await
    }

    /// The post of this id. Null when there is none.
    async fn post(&self, ctx: &Context<'_>, #[graphql(desc = "The id of a post.")] id: ID) -> Field<Post> {
        match post_id(&id) {
            Ok(id) => Post::load(ctx, id).await,
            Err(error) => Some(Err(error)),
        }
    }

    /// The posts of the viewer and of whom the viewer follows, newest first. Needs a viewer.
    async fn feed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the newest on: 1 to 100. 20 when left out.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, up to the oldest: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Field<PostConnection> {
        let Some(viewer) = loaders(ctx).viewer() else { return Some(Err(error(ErrorCode::Unauthenticated))) };
        let list = feed_of(viewer.user_id);
        let args = PageArgs { first, after, last, before };
        let load = |spec| loaders(ctx).feed(viewer.user_id, spec);
        Listing::page(ctx, list, args, load, |listing, page| PostConnection::new(ctx, listing, page)).await
    }
}
