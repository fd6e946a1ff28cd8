//! Writes posts and comments. Whose something is stands in the statement that changes it; only why nothing was changed is
//! asked afterwards.

use nova_core::{Body, Category, ErrorCode, IdempotencyKey, SharedIds, UserId};
use nova_proto::KeyFailure;
use uuid::Uuid;

use super::{
    repository::{Comment, Post},
    sql,
};
use crate::{
    call::Call,
    engagement::{self, Engagement},
    idempotency::{Claim, Fingerprint, claim},
    outbox::Event,
    store::Store,
    write::{Refusal, Write},
};

/// A post to be.
pub(super) struct NewPost {
    pub(super) body: Body,
    pub(super) content_type: &'static str,
    pub(super) category: Option<Category>,
    pub(super) key: Option<IdempotencyKey>,
}

/// A comment to be.
pub(super) struct NewComment {
    pub(super) post: Uuid,
    pub(super) body: Body,
    pub(super) key: Option<IdempotencyKey>,
}

const NOT_FOUND: Refusal = KeyFailure(ErrorCode::NotFound);

pub(super) async fn create_post(
    store: &Store,
    call: &Call,
    ids: &SharedIds,
    author: UserId,
    new: &NewPost,
) -> Result<Post, Refusal> {
    let id = new_id(ids)?;
    let mut write = Write::begin(store, call, "create_post").await?;
    let category = new.category.as_ref().map(Category::as_str);
    if let Some(key) = &new.key {
        let fingerprint = Fingerprint::of("create_post")
            .with(Some(new.body.as_str().as_bytes()))
            .with(Some(new.content_type.as_bytes()))
            .with(category.map(str::as_bytes));
        if let Claim::Done(id) = claim(&mut write, author, key, fingerprint, id).await? {
            return post(&mut write, id).await?.ok_or(NOT_FOUND);
        }
    }
    let insert = sqlx::query_as(sql::CREATE_POST)
        .bind(id)
        .bind(author.0)
        .bind(new.body.as_str())
        .bind(new.content_type)
        .bind(category);
    let post: Post = write.row(insert).await?.ok_or(KeyFailure(ErrorCode::Unauthenticated))?;
    write.tell(&Event::PostCreated { post: id, author: author.0 }).await?;
    write.commit().await?;
    Ok(post)
}

pub(super) async fn update_post(
    store: &Store,
    call: &Call,
    author: UserId,
    id: Uuid,
    body: &Body,
) -> Result<Post, Refusal> {
    let mut write = Write::begin(store, call, "update_post").await?;
    let update = sqlx::query_as(sql::UPDATE_POST).bind(id).bind(author.0).bind(body.as_str());
    let Some(updated) = write.row::<Post>(update).await? else {
        return Err(why_not_post(&mut write, author, id).await);
    };
    write.tell(&Event::PostUpdated { post: id, author: author.0 }).await?;
    write.commit().await?;
    Ok(updated)
}

pub(super) async fn delete_post(store: &Store, call: &Call, author: UserId, id: Uuid) -> Result<Post, Refusal> {
    let mut write = Write::begin(store, call, "delete_post").await?;
    let delete = sqlx::query_as(sql::DELETE_POST).bind(id).bind(author.0);
    let Some(deleted) = write.row::<Post>(delete).await? else {
        return Err(why_not_post(&mut write, author, id).await);
    };
    write.tell(&Event::PostDeleted { post: id, author: author.0 }).await?;
    write.commit().await?;
    Ok(deleted)
}

pub(super) async fn add_comment(
    store: &Store,
    call: &Call,
    ids: &SharedIds,
    author: UserId,
    new: &NewComment,
) -> Result<Comment, Refusal> {
    let id = new_id(ids)?;
    let mut write = Write::begin(store, call, "add_comment").await?;
    if let Some(key) = &new.key {
        let fingerprint =
            Fingerprint::of("add_comment").with(Some(new.post.as_bytes())).with(Some(new.body.as_str().as_bytes()));
        if let Claim::Done(id) = claim(&mut write, author, key, fingerprint, id).await? {
            return comment(&mut write, id).await?.ok_or(NOT_FOUND);
        }
    }
    let insert = sqlx::query_as(sql::ADD_COMMENT).bind(id).bind(new.post).bind(author.0).bind(new.body.as_str());
    let comment: Comment = write.row(insert).await?.ok_or(NOT_FOUND)?;
    engagement::note(&mut write, Engagement::Comment, new.post, author.0).await?;
    write.tell(&Event::CommentAdded { comment: id, post: new.post, author: author.0 }).await?;
    write.commit().await?;
    Ok(comment)
}

pub(super) async fn delete_comment(store: &Store, call: &Call, user: UserId, id: Uuid) -> Result<Comment, Refusal> {
    let mut write = Write::begin(store, call, "delete_comment").await?;
    let delete = sqlx::query_as(sql::DELETE_COMMENT).bind(id).bind(user.0);
    let Some(deleted) = write.row::<Comment>(delete).await? else {
        return Err(match comment(&mut write, id).await? {
            Some(comment) if comment.author_id != user.0 => KeyFailure(ErrorCode::Forbidden),
            _ => NOT_FOUND,
        });
    };
    let (post, author) = (deleted.post_id, deleted.author_id);
    write.tell(&Event::CommentDeleted { comment: id, post, author }).await?;
    write.commit().await?;
    Ok(deleted)
}

fn new_id(ids: &SharedIds) -> Result<Uuid, Refusal> {
    ids.next_id().map_err(|error| {
        tracing::error!(%error, "no new id");
        KeyFailure(ErrorCode::Internal)
    })
}

async fn post(write: &mut Write<'_>, id: Uuid) -> Result<Option<Post>, Refusal> {
    write.row(sqlx::query_as(sql::POSTS_BY_ID).bind(vec![id])).await
}

async fn comment(write: &mut Write<'_>, id: Uuid) -> Result<Option<Comment>, Refusal> {
    write.row(sqlx::query_as(sql::COMMENTS_BY_ID).bind(vec![id])).await
}

async fn why_not_post(write: &mut Write<'_>, user: UserId, id: Uuid) -> Refusal {
    match post(write, id).await {
        Ok(Some(post)) if post.author_id != user.0 => KeyFailure(ErrorCode::Forbidden),
        Ok(_) => NOT_FOUND,
        Err(refusal) => refusal,
    }
}
