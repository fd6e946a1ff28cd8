//! Connections (Relay cursor connections): pages of posts, users and comments.

use std::{future::Future, sync::Arc};

use async_graphql::{Context, Object, SimpleObject};
use futures_util::future::join_all;
use nova_core::{Direction, Keyset, PageSpec};
use nova_loaders::{Answer, Edge, Page};

use crate::{
    comment::Comment,
    cursor::{CursorCodec, ListId},
    error::{Field, caught, field},
    node::loaders,
    page_args::PageArgs,
    post::Post,
    user::User,
};

/// Where a page stands in its list.
#[derive(SimpleObject)]
pub(crate) struct PageInfo {
    /// Whether more follows this page.
    has_next_page: bool,
    /// Whether something comes before this page.
    has_previous_page: bool,
    /// The cursor of the first edge.
    start_cursor: Option<String>,
    /// The cursor of the last edge.
    end_cursor: Option<String>,
}

/// The list a page was asked of, and how.
#[derive(Clone, Copy)]
pub(crate) struct Listing {
    list: ListId,
    spec: PageSpec,
}

impl Listing {
    /// The page of `list` that `args` ask for, as `load` answers it.
    pub(crate) async fn page<P, C, L>(
        ctx: &Context<'_>,
        list: ListId,
        args: PageArgs,
        load: impl FnOnce(PageSpec) -> L,
        connection: impl FnOnce(Self, P) -> C,
    ) -> Field<C>
    where
        L: Future<Output = Answer<P>>,
    {
        match args.spec(ctx.data_unchecked(), list) {
            Ok(spec) => caught(async { field(load(spec).await, |page| connection(Self { list, spec }, page)) }).await,
            Err(error) => Some(Err(error)),
        }
    }

    fn page_info<T: Item>(self, ctx: &Context<'_>, page: &Page<T>) -> PageInfo {
        // Behind the place that a page starts from there is at least the row that the cursor was made of.
        let (more, behind) = (page.has_more, self.spec.from.is_some());
        let (next, previous) = match self.spec.direction {
            Direction::Forward => (more, behind),
            Direction::Backward => (behind, more),
        };
        PageInfo {
            has_next_page: next,
            has_previous_page: previous,
            start_cursor: page.items.first().map(|item| self.list.cursor(ctx, item.place())),
            end_cursor: page.items.last().map(|item| self.list.cursor(ctx, item.place())),
        }
    }
}

impl ListId {
    fn cursor(self, ctx: &Context<'_>, place: Keyset) -> String {
        ctx.data_unchecked::<CursorCodec>().encode(self, place)
    }
}

/// A row of a list.
trait Item {
    /// Its place.
    fn place(&self) -> Keyset;
}

impl Item for Arc<nova_loaders::Post> {
    fn place(&self) -> Keyset {
        Keyset { created_at: self.created_at, id: self.id.0 }
    }
}

impl Item for Arc<nova_loaders::Comment> {
    fn place(&self) -> Keyset {
        Keyset { created_at: self.created_at, id: self.id.0 }
    }
}

impl Item for Edge {
    fn place(&self) -> Keyset {
        Keyset { created_at: self.created_at, id: self.user_id.0 }
    }
}

/// A page of posts.
pub(crate) struct PostConnection(Listing, Arc<Page<Arc<nova_loaders::Post>>>);

impl PostConnection {
    /// The page, whose posts nobody needs to ask for again.
    pub(crate) fn new(ctx: &Context<'_>, listing: Listing, page: Arc<Page<Arc<nova_loaders::Post>>>) -> Self {
        loaders(ctx).prime_posts(&page.items);
        Self(listing, page)
    }
}

/// A page of posts.
#[Object]
impl PostConnection {
    /// The posts with their cursors.
    async fn edges(&self) -> Vec<PostEdge> {
        self.1.items.iter().map(|post| PostEdge(self.0.list, Arc::clone(post))).collect()
    }

    /// The posts alone.
    async fn nodes(&self) -> Vec<Option<Post>> {
        self.1.items.iter().map(|post| Some(Post(Arc::clone(post)))).collect()
    }

    /// Where the page stands in its list.
    async fn page_info(&self, ctx: &Context<'_>) -> PageInfo {
        self.0.page_info(ctx, &self.1)
    }
}

/// A post on a page.
pub(crate) struct PostEdge(pub(crate) ListId, pub(crate) Arc<nova_loaders::Post>);

/// A post on a page.
#[Object]
impl PostEdge {
    /// Its place in the list: opaque, and only good for the list that gave it out.
    async fn cursor(&self, ctx: &Context<'_>) -> String {
        self.0.cursor(ctx, self.1.place())
    }

    /// The post.
    async fn node(&self) -> Option<Post> {
        Some(Post(Arc::clone(&self.1)))
    }
}

/// A page of comments.
pub(crate) struct CommentConnection(pub(crate) Listing, pub(crate) Arc<Page<Arc<nova_loaders::Comment>>>);

/// A page of comments.
#[Object]
impl CommentConnection {
    /// The comments with their cursors.
    async fn edges(&self) -> Vec<CommentEdge> {
        self.1.items.iter().map(|comment| CommentEdge(self.0.list, Arc::clone(comment))).collect()
    }

    /// The comments alone.
    async fn nodes(&self) -> Vec<Option<Comment>> {
        self.1.items.iter().map(|comment| Some(Comment(Arc::clone(comment)))).collect()
    }

    /// Where the page stands in its list.
    async fn page_info(&self, ctx: &Context<'_>) -> PageInfo {
        self.0.page_info(ctx, &self.1)
    }
}

/// A comment on a page.
pub(crate) struct CommentEdge(pub(crate) ListId, pub(crate) Arc<nova_loaders::Comment>);

/// A comment on a page.
#[Object]
impl CommentEdge {
    /// Its place in the list: opaque, and only good for the list that gave it out.
    async fn cursor(&self, ctx: &Context<'_>) -> String {
        self.0.cursor(ctx, self.1.place())
    }

    /// The comment.
    async fn node(&self) -> Option<Comment> {
        Some(Comment(Arc::clone(&self.1)))
    }
}

/// A page of users.
pub(crate) struct UserConnection(pub(crate) Listing, pub(crate) Arc<Page<Edge>>);

/// A page of users.
#[Object]
impl UserConnection {
    /// The users with their cursors.
    async fn edges(&self) -> Vec<UserEdge> {
        self.1.items.iter().map(|edge| UserEdge(self.0.list, *edge)).collect()
    }

    /// The users alone.
    async fn nodes(&self, ctx: &Context<'_>) -> Vec<Field<User>> {
        join_all(self.1.items.iter().map(|edge| User::load(ctx, edge.user_id))).await
    }

    /// Where the page stands in its list.
    async fn page_info(&self, ctx: &Context<'_>) -> PageInfo {
        self.0.page_info(ctx, &self.1)
    }
}

/// A user on a page.
pub(crate) struct UserEdge(ListId, Edge);

/// A user on a page.
#[Object]
impl UserEdge {
    /// Its place in the list: opaque, and only good for the list that gave it out.
    async fn cursor(&self, ctx: &Context<'_>) -> String {
        self.0.cursor(ctx, self.1.place())
    }

    /// The user.
    async fn node(&self, ctx: &Context<'_>) -> Field<User> {
        User::load(ctx, self.1.user_id).await
    }
}
