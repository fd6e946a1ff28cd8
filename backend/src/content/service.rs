//! The content service: decodes keys and inputs, asks the repository, encodes answers.

use std::{collections::HashMap, sync::Arc};

use nova_core::{Body, Category, IdempotencyKey, SharedIds, token::TokenVerifier};
use nova_proto::{IntoAnswer as _, IntoWritten as _, id_bytes, to_micros, v1};
use tonic::{Request, Response, Status};

use super::{
    repository::{self, Comment, Post},
    sql,
    write::{self, NewComment, NewPost},
};
use crate::{
    auth,
    call::Call,
    count,
    ids::{Ids, decode_id, invalid_text},
    list::{List, Page},
    page_keys::PageKeys,
    store::Store,
};

#[derive(Debug, Clone)]
pub(crate) struct ContentService {
    store: Store,
    verifier: Arc<TokenVerifier>,
    ids: SharedIds,
}

impl ContentService {
    pub(crate) fn new(store: Store, verifier: Arc<TokenVerifier>, ids: SharedIds) -> Self {
        Self { store, verifier, ids }
    }

    async fn post_pages(
        &self,
        call: &Call,
        list: &List,
        keys: &PageKeys,
    ) -> Result<Response<v1::BatchPostPageResponse>, Status> {
        let pages = list.pages::<Post>(&self.store, call, keys).await?;
        let encode = |page: Page<Post>| v1::PostPage {
            posts: page.rows.into_iter().map(encode_post).collect(),
            has_more: page.has_more,
        };
        let answer = |page: nova_proto::Answer<_>| v1::PostPageResult::from_answer(page.map(|page| page.map(encode)));
        Ok(call.answer(v1::BatchPostPageResponse { results: pages.into_iter().map(answer).collect() }))
    }

    async fn count(
        &self,
        request: Request<v1::BatchByIdRequest>,
        operation: &'static str,
        sql: &'static str,
    ) -> Result<Response<v1::BatchCountResponse>, Status> {
        let call = Call::of(&request);
        let ids = Ids::decode(&request.get_ref().ids)?;
        let found = count::counts(&self.store, &call, operation, sql, ids.wanted()).await?;
        Ok(call.answer(v1::BatchCountResponse { results: ids.answers(&found) }))
    }
}

#[tonic::async_trait]
impl v1::content_server::Content for ContentService {
    async fn batch_get_posts(
        &self,
        request: Request<v1::BatchByIdRequest>,
    ) -> Result<Response<v1::BatchGetPostsResponse>, Status> {
        let call = Call::of(&request);
        let ids = Ids::decode(&request.get_ref().ids)?;
        let posts = repository::posts_by_id(&self.store, &call, ids.wanted()).await?;
        let found: HashMap<_, _> = posts.into_iter().map(|post| (post.id, encode_post(post))).collect();
        Ok(call.answer(v1::BatchGetPostsResponse { results: ids.answers(&found) }))
    }

    async fn batch_get_comments(
        &self,
        request: Request<v1::BatchByIdRequest>,
    ) -> Result<Response<v1::BatchGetCommentsResponse>, Status> {
        let call = Call::of(&request);
        let ids = Ids::decode(&request.get_ref().ids)?;
        let comments = repository::comments_by_id(&self.store, &call, ids.wanted()).await?;
        let found: HashMap<_, _> = comments.into_iter().map(|comment| (comment.id, encode_comment(comment))).collect();
        Ok(call.answer(v1::BatchGetCommentsResponse { results: ids.answers(&found) }))
    }

    async fn batch_list_posts_by_author(
        &self,
        request: Request<v1::BatchPageRequest>,
    ) -> Result<Response<v1::BatchPostPageResponse>, Status> {
        let call = Call::of(&request);
        let keys = PageKeys::decode(&request.get_ref().keys)?;
        self.post_pages(&call, &sql::POSTS_BY_AUTHOR, &keys).await
    }

    async fn batch_list_comments(
        &self,
        request: Request<v1::BatchPageRequest>,
    ) -> Result<Response<v1::BatchCommentPageResponse>, Status> {
        let call = Call::of(&request);
        let keys = PageKeys::decode(&request.get_ref().keys)?;
        let pages = sql::COMMENTS_BY_POST.pages::<Comment>(&self.store, &call, &keys).await?;
        let encode = |page: Page<Comment>| v1::CommentPage {
            comments: page.rows.into_iter().map(encode_comment).collect(),
            has_more: page.has_more,
        };
        let answer =
            |page: nova_proto::Answer<_>| v1::CommentPageResult::from_answer(page.map(|page| page.map(encode)));
        Ok(call.answer(v1::BatchCommentPageResponse { results: pages.into_iter().map(answer).collect() }))
    }

    async fn batch_list_feed(
        &self,
        request: Request<v1::BatchPageRequest>,
    ) -> Result<Response<v1::BatchPostPageResponse>, Status> {
        let call = Call::of(&request);
        let viewer = auth::viewer(request.metadata(), &self.verifier).await?;
        let keys = PageKeys::decode(&request.get_ref().keys)?.only_of(viewer.as_ref());
        self.post_pages(&call, &sql::FEED, &keys).await
    }

    async fn batch_count_posts(
        &self,
        request: Request<v1::BatchByIdRequest>,
    ) -> Result<Response<v1::BatchCountResponse>, Status> {
        self.count(request, "count_posts", sql::COUNT_POSTS).await
    }

    async fn batch_count_comments(
        &self,
        request: Request<v1::BatchByIdRequest>,
    ) -> Result<Response<v1::BatchCountResponse>, Status> {
        self.count(request, "count_comments", sql::COUNT_COMMENTS).await
    }

    async fn create_post(
        &self,
        request: Request<v1::CreatePostRequest>,
    ) -> Result<Response<v1::PostWriteResponse>, Status> {
        let call = Call::of(&request);
        let author = auth::writer(request.metadata(), &self.verifier).await?;
        let input = request.into_inner();
        let content_type = content_type(input.content_type())?;
        let post = NewPost {
            body: Body::new(input.body).map_err(invalid_text)?,
            content_type,
            category: input.category.map(Category::new).transpose().map_err(invalid_text)?,
            key: input.idempotency_key.map(IdempotencyKey::new).transpose().map_err(invalid_text)?,
        };
        let written = write::create_post(&self.store, &call, &self.ids, author, &post).await;
        Ok(call.answer(v1::PostWriteResponse::from_written(written.map(encode_post))))
    }

    async fn update_post(
        &self,
        request: Request<v1::UpdatePostRequest>,
    ) -> Result<Response<v1::PostWriteResponse>, Status> {
        let call = Call::of(&request);
        let author = auth::writer(request.metadata(), &self.verifier).await?;
        let input = request.into_inner();
        let (post, body) = (decode_id(&input.post_id)?, Body::new(input.body).map_err(invalid_text)?);
        let written = write::update_post(&self.store, &call, author, post, &body).await;
        Ok(call.answer(v1::PostWriteResponse::from_written(written.map(encode_post))))
    }

    async fn delete_post(
        &self,
        request: Request<v1::DeletePostRequest>,
    ) -> Result<Response<v1::PostWriteResponse>, Status> {
        let call = Call::of(&request);
        let author = auth::writer(request.metadata(), &self.verifier).await?;
        let written = write::delete_post(&self.store, &call, author, decode_id(&request.get_ref().post_id)?).await;
        Ok(call.answer(v1::PostWriteResponse::from_written(written.map(encode_post))))
    }

    async fn add_comment(
        &self,
        request: Request<v1::AddCommentRequest>,
    ) -> Result<Response<v1::CommentWriteResponse>, Status> {
        let call = Call::of(&request);
        let author = auth::writer(request.metadata(), &self.verifier).await?;
        let input = request.into_inner();
        let comment = NewComment {
            post: decode_id(&input.post_id)?,
            body: Body::new(input.body).map_err(invalid_text)?,
            key: input.idempotency_key.map(IdempotencyKey::new).transpose().map_err(invalid_text)?,
        };
        let written = write::add_comment(&self.store, &call, &self.ids, author, &comment).await;
        Ok(call.answer(v1::CommentWriteResponse::from_written(written.map(encode_comment))))
    }

    async fn delete_comment(
        &self,
        request: Request<v1::DeleteCommentRequest>,
    ) -> Result<Response<v1::CommentWriteResponse>, Status> {
        let call = Call::of(&request);
        let user = auth::writer(request.metadata(), &self.verifier).await?;
        let comment = decode_id(&request.get_ref().comment_id)?;
        let written = write::delete_comment(&self.store, &call, user, comment).await;
        Ok(call.answer(v1::CommentWriteResponse::from_written(written.map(encode_comment))))
    }
}

/// As the store writes it.
fn content_type(wire: v1::ContentType) -> Result<&'static str, Status> {
    match wire {
        v1::ContentType::Post => Ok("post"),
        v1::ContentType::Video => Ok("video"),
        v1::ContentType::Stream => Ok("stream"),
        v1::ContentType::Unspecified => Err(Status::invalid_argument("a content type is needed")),
    }
}

fn encode_post(post: Post) -> v1::Post {
    let content_type = match post.content_type.as_str() {
        "post" => v1::ContentType::Post,
        "video" => v1::ContentType::Video,
        "stream" => v1::ContentType::Stream,
        _ => v1::ContentType::Unspecified,
    };
    v1::Post {
        id: id_bytes(post.id),
        author_id: id_bytes(post.author_id),
        body: post.body,
        content_type: content_type.into(),
        category: post.category,
        created_at_micros: to_micros(post.created_at),
        updated_at_micros: to_micros(post.updated_at),
    }
}

fn encode_comment(comment: Comment) -> v1::Comment {
    v1::Comment {
        id: id_bytes(comment.id),
        post_id: id_bytes(comment.post_id),
        author_id: id_bytes(comment.author_id),
        body: comment.body,
        created_at_micros: to_micros(comment.created_at),
    }
}
