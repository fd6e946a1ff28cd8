//! Posts by id, by author, and the viewer's feed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use nova_core::{PageSpec, PostId, UserId};
use nova_proto::{IntoAnswer, from_micros, id_bytes, id_from_bytes, v1};
use tonic::{Request, Response, Status};

use crate::{
    batching::Answer,
    page::{Page, page_request},
    remote::{Rpc, read},
    upstream::Line,
};

/// What somebody published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Which one.
    pub id: PostId,
    /// Who wrote it.
    pub author_id: UserId,
    /// What it says.
    pub body: String,
    /// What kind of content it is.
    pub content_type: ContentType,
    /// What it is about, as its author filed it.
    pub category: Option<String>,
    /// When it was published.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What kind of content a post is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// Text.
    Post,
    /// A recorded video.
    Video,
    /// A live stream.
    Stream,
}

pub(crate) fn post(wire: v1::Post) -> Option<Arc<Post>> {
    let content_type = match wire.content_type() {
        v1::ContentType::Post => ContentType::Post,
        v1::ContentType::Video => ContentType::Video,
        v1::ContentType::Stream => ContentType::Stream,
        v1::ContentType::Unspecified => return None,
    };
    Some(Arc::new(Post {
        id: PostId(id_from_bytes(&wire.id)?),
        author_id: UserId(id_from_bytes(&wire.author_id)?),
        body: wire.body,
        content_type,
        category: wire.category,
        created_at: from_micros(wire.created_at_micros)?,
        updated_at: from_micros(wire.updated_at_micros)?,
    }))
}

/// A page of posts; the page is shared, not copied.
pub(crate) type PostPage = Arc<Page<Arc<Post>>>;

fn pages(response: v1::BatchPostPageResponse) -> Vec<Answer<PostPage>> {
    read(response.results.into_iter().map(IntoAnswer::into_answer), |page| {
        let items = page.posts.into_iter().map(post).collect::<Option<_>>()?;
        Some(Arc::new(Page { items, has_more: page.has_more }))
    })
}

/// Posts by id.
pub(crate) struct PostById;

impl Rpc for PostById {
    const NAME: &'static str = "Content/BatchGetPosts";
    type Key = PostId;
    type Value = Arc<Post>;
    type Request = v1::BatchByIdRequest;
    type Response = v1::BatchGetPostsResponse;

    fn request(keys: &[PostId]) -> Self::Request {
        v1::BatchByIdRequest { ids: keys.iter().map(|id| id_bytes(id.0)).collect() }
    }

    async fn send(line: Line, request: Request<Self::Request>) -> Result<Response<Self::Response>, Status> {
        line.content().batch_get_posts(request).await
    }

    fn answers(response: Self::Response) -> Vec<Answer<Arc<Post>>> {
        read(response.results.into_iter().map(IntoAnswer::into_answer), post)
    }
}

/// The posts of each author, newest first.
pub(crate) struct PostsByAuthor;

impl Rpc for PostsByAuthor {
    const NAME: &'static str = "Content/BatchListPostsByAuthor";
    type Key = (UserId, PageSpec);
    type Value = PostPage;
    type Request = v1::BatchPageRequest;
    type Response = v1::BatchPostPageResponse;

    fn request(keys: &[Self::Key]) -> Self::Request {
        page_request(keys.iter().map(|(author, spec)| (author.0, *spec)))
    }

    async fn send(line: Line, request: Request<Self::Request>) -> Result<Response<Self::Response>, Status> {
        line.content().batch_list_posts_by_author(request).await
    }

    fn answers(response: Self::Response) -> Vec<Answer<PostPage>> {
        pages(response)
    }
}

/// The posts of a viewer and of whom the viewer follows, newest first. The key names the viewer.
pub(crate) struct Feed;

impl Rpc for Feed {
    const NAME: &'static str = "Content/BatchListFeed";
    const IDENTIFIED: bool = true;
    type Key = (UserId, PageSpec);
    type Value = PostPage;
    type Request = v1::BatchPageRequest;
    type Response = v1::BatchPostPageResponse;

    fn request(keys: &[Self::Key]) -> Self::Request {
        page_request(keys.iter().map(|(viewer, spec)| (viewer.0, *spec)))
    }

    async fn send(line: Line, request: Request<Self::Request>) -> Result<Response<Self::Response>, Status> {
        line.content().batch_list_feed(request).await
    }

    fn answers(response: Self::Response) -> Vec<Answer<PostPage>> {
        pages(response)
    }
}
