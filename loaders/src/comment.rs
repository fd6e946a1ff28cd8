//! Comments by id and by post.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use nova_core::{CommentId, PageSpec, PostId, UserId};
use nova_proto::{IntoAnswer, from_micros, id_bytes, id_from_bytes, v1};
use tonic::{Request, Response, Status};

use crate::{
    batching::Answer,
    page::{Page, page_request},
    remote::{Rpc, read},
    upstream::Line,
};

/// What somebody said about a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Which one.
    pub id: CommentId,
    /// What it is about.
    pub post_id: PostId,
    /// Who wrote it.
    pub author_id: UserId,
    /// What it says.
    pub body: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

pub(crate) fn comment(wire: v1::Comment) -> Option<Arc<Comment>> {
    Some(Arc::new(Comment {
        id: CommentId(id_from_bytes(&wire.id)?),
        post_id: PostId(id_from_bytes(&wire.post_id)?),
        author_id: UserId(id_from_bytes(&wire.author_id)?),
        body: wire.body,
        created_at: from_micros(wire.created_at_micros)?,
    }))
}

/// Comments by id.
pub(crate) struct CommentById;

impl Rpc for CommentById {
    const NAME: &'static str = "Content/BatchGetComments";
    type Key = CommentId;
    type Value = Arc<Comment>;
    type Request = v1::BatchByIdRequest;
    type Response = v1::BatchGetCommentsResponse;

    fn request(keys: &[CommentId]) -> Self::Request {
        v1::BatchByIdRequest { ids: keys.iter().map(|id| id_bytes(id.0)).collect() }
    }

    async fn send(line: Line, request: Request<Self::Request>) -> Result<Response<Self::Response>, Status> {
        line.content().batch_get_comments(request).await
    }

    fn answers(response: Self::Response) -> Vec<Answer<Arc<Comment>>> {
        read(response.results.into_iter().map(IntoAnswer::into_answer), comment)
    }
}

/// A page of comments; the page is shared, not copied.
pub(crate) type CommentPage = Arc<Page<Arc<Comment>>>;

/// The comments of each post, oldest first.
pub(crate) struct CommentsByPost;

impl Rpc for CommentsByPost {
    const NAME: &'static str = "Content/BatchListComments";
    type Key = (PostId, PageSpec);
    type Value = CommentPage;
    type Request = v1::BatchPageRequest;
    type Response = v1::BatchCommentPageResponse;

    fn request(keys: &[Self::Key]) -> Self::Request {
        page_request(keys.iter().map(|(post, spec)| (post.0, *spec)))
    }

    async fn send(line: Line, request: Request<Self::Request>) -> Result<Response<Self::Response>, Status> {
        line.content().batch_list_comments(request).await
    }

    fn answers(response: Self::Response) -> Vec<Answer<CommentPage>> {
        read(response.results.into_iter().map(IntoAnswer::into_answer), |page| {
            let items = page.comments.into_iter().map(comment).collect::<Option<_>>()?;
            Some(Arc::new(Page { items, has_more: page.has_more }))
        })
    }
}
