//! Writes: each is one call for the viewer, sent at once and at most once. Nothing here is batched, shared or tried again.
//!
//! After a write the request forgets what it has read, and joins no fetch that began before: whatever it reads from then on
//! has the write in it.

use std::{error::Error as _, future::Future, sync::Arc};

use nova_core::{
    AvatarUrl, Bio, Body, Category, Change, CommentId, DisplayName, ErrorCode, IdempotencyKey, PostId, UserId,
};
use nova_proto::{IntoWritten, KeyFailure, id_bytes, v1};
use tokio::time::{Instant, timeout_at};
use tonic::{Code, ConnectError, Request, Response, Status};

use crate::{
    Comment, ContentType, Post, RequestLoaders, User,
    batching::LoadError,
    comment::comment,
    post::post,
    remote::{identify, obeying, statements},
    upstream::Clients,
    user::user,
};

/// What was written, or why nothing was. With `OUTCOME_UNKNOWN` it may have been.
pub type Written<T> = Result<T, LoadError>;

/// A post to be.
#[derive(Debug, Clone)]
pub struct NewPost {
    /// What it says.
    pub body: Body,
    /// What kind of content it is.
    pub content_type: ContentType,
    /// What it is filed under.
    pub category: Option<Category>,
    /// Makes sure that it is made once.
    pub key: Option<IdempotencyKey>,
}

/// A comment to be.
#[derive(Debug, Clone)]
pub struct NewComment {
    /// What it is about.
    pub post: PostId,
    /// What it says.
    pub body: Body,
    /// Makes sure that it is made once.
    pub key: Option<IdempotencyKey>,
}

/// What is to change in a profile.
#[derive(Debug, Clone, Default)]
pub struct ProfileChanges {
    /// As the user wants to be called; `None` leaves that as it is.
    pub display_name: Option<DisplayName>,
    /// What the user says about themselves.
    pub bio: Change<Bio>,
    /// Where a picture is.
    pub avatar_url: Change<AvatarUrl>,
}

impl RequestLoaders {
    /// Publishes a post of the viewer's.
    ///
    /// # Errors
    /// CONFLICT when its key came before with another input.
    pub async fn create_post(&self, new: NewPost) -> Written<Arc<Post>> {
        let content_type = match new.content_type {
            ContentType::Post => v1::ContentType::Post,
            ContentType::Video => v1::ContentType::Video,
            ContentType::Stream => v1::ContentType::Stream,
        };
        let message = v1::CreatePostRequest {
            body: new.body.into_string(),
            content_type: content_type.into(),
            category: new.category.map(Category::into_string),
            idempotency_key: new.key.map(IdempotencyKey::into_string),
        };
        let send = async |mut clients: Clients, request| clients.content.create_post(request).await;
        self.written_post(self.write("Content/CreatePost", message, send).await?)
    }

    /// Changes what a post of the viewer's says.
    ///
    /// # Errors
    /// `NOT_FOUND`; FORBIDDEN when it is somebody else's.
    pub async fn update_post(&self, id: PostId, body: Body) -> Written<Arc<Post>> {
        let message = v1::UpdatePostRequest { post_id: id_bytes(id.0), body: body.into_string() };
        let send = async |mut clients: Clients, request| clients.content.update_post(request).await;
        self.written_post(self.write("Content/UpdatePost", message, send).await?)
    }

    /// Deletes a post of the viewer's.
    ///
    /// # Errors
    /// `NOT_FOUND`; FORBIDDEN when it is somebody else's.
    pub async fn delete_post(&self, id: PostId) -> Written<()> {
        let message = v1::DeletePostRequest { post_id: id_bytes(id.0) };
        let send = async |mut clients: Clients, request| clients.content.delete_post(request).await;
        self.write("Content/DeletePost", message, send).await.map(drop)
    }

    /// Says something about a post.
    ///
    /// # Errors
    /// `NOT_FOUND`; CONFLICT when its key came before with another input.
    pub async fn add_comment(&self, new: NewComment) -> Written<Arc<Comment>> {
        let message = v1::AddCommentRequest {
            post_id: id_bytes(new.post.0),
            body: new.body.into_string(),
            idempotency_key: new.key.map(IdempotencyKey::into_string),
        };
        let send = async |mut clients: Clients, request| clients.content.add_comment(request).await;
        let comment = comment(self.write("Content/AddComment", message, send).await?).ok_or(UNREADABLE)?;
        self.prime_comment(&comment);
        Ok(comment)
    }

    /// Deletes a comment of the viewer's, or on a post of the viewer's; answers the post.
    ///
    /// # Errors
    /// `NOT_FOUND`; FORBIDDEN when neither is the viewer's.
    pub async fn delete_comment(&self, id: CommentId) -> Written<PostId> {
        let message = v1::DeleteCommentRequest { comment_id: id_bytes(id.0) };
        let send = async |mut clients: Clients, request| clients.content.delete_comment(request).await;
        let deleted = self.write("Content/DeleteComment", message, send).await?;
        comment(deleted).map(|comment| comment.post_id).ok_or(UNREADABLE)
    }

    /// Sees to it that the viewer likes a post.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn like_post(&self, id: PostId) -> Written<()> {
        let message = v1::EdgeRequest { id: id_bytes(id.0) };
        let send = async |mut clients: Clients, request| clients.social.like_post(request).await;
        self.write("Social/LikePost", message, send).await.map(drop)
    }

    /// Sees to it that the viewer does not like a post.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn unlike_post(&self, id: PostId) -> Written<()> {
        let message = v1::EdgeRequest { id: id_bytes(id.0) };
        let send = async |mut clients: Clients, request| clients.social.unlike_post(request).await;
        self.write("Social/UnlikePost", message, send).await.map(drop)
    }

    /// Sees to it that the viewer follows a user.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn follow_user(&self, id: UserId) -> Written<()> {
        let message = v1::EdgeRequest { id: id_bytes(id.0) };
        let send = async |mut clients: Clients, request| clients.social.follow_user(request).await;
        self.write("Social/FollowUser", message, send).await.map(drop)
    }

    /// Sees to it that the viewer does not follow a user.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn unfollow_user(&self, id: UserId) -> Written<()> {
        let message = v1::EdgeRequest { id: id_bytes(id.0) };
        let send = async |mut clients: Clients, request| clients.social.unfollow_user(request).await;
        self.write("Social/UnfollowUser", message, send).await.map(drop)
    }

    /// Changes the viewer's profile.
    ///
    /// # Errors
    /// UNAUTHENTICATED when the viewer is gone.
    pub async fn update_profile(&self, changes: ProfileChanges) -> Written<Arc<User>> {
        let message = v1::UpdateProfileRequest {
            display_name: changes.display_name.map(DisplayName::into_string),
            bio: change(changes.bio, Bio::into_string),
            avatar_url: change(changes.avatar_url, AvatarUrl::into_string),
        };
        let send = async |mut clients: Clients, request| clients.users.update_profile(request).await;
        let user = user(self.write("Users/UpdateProfile", message, send).await?).ok_or(UNREADABLE)?;
        self.prime_user(&user);
        Ok(user)
    }

    fn written_post(&self, written: v1::Post) -> Written<Arc<Post>> {
        let post = post(written).ok_or(UNREADABLE)?;
        self.prime_posts(std::slice::from_ref(&post));
        Ok(post)
    }

    /// Sends a write and waits for it until the deadline.
    async fn write<M, R, F>(
        &self,
        rpc: &'static str,
        message: M,
        send: impl FnOnce(Clients, Request<M>) -> F,
    ) -> Written<R::Written>
    where
        R: IntoWritten + Send + 'static,
        F: Future<Output = Result<Response<R>, Status>> + Send + 'static,
    {
        let remaining = self.deadline().remaining();
        if remaining.is_zero() {
            return Err(ErrorCode::Timeout.into());
        }
        let mut request = Request::new(message);
        request.set_timeout(remaining);
        obeying(&mut request, &self.caller().policy);
        identify(&mut request, self.caller().credential.as_ref()).map_err(|_| ErrorCode::Unauthenticated)?;
        let metrics = self.metrics_of(rpc);
        metrics.called(1);
        self.caller().trace.call(rpc, 1);

        // A task of its own: what was sent goes on when the client leaves.
        let call = tokio::spawn(send(self.clients(), request));
        let begin = Instant::now();
        let answer = {
            let _waiting = self.scope().waiting();
            timeout_at(self.deadline().instant(), call).await
        };
        metrics.duration.observe(begin.elapsed().as_secs_f64());
        // Whatever became of it: what was read before it is not to be believed any more.
        self.renew();
        let outcome = match answer {
            Ok(Ok(Ok(response))) => {
                self.caller().trace.statements(statements(&response));
                response.into_inner().into_written().map_err(|KeyFailure(code)| code)
            }
            Ok(Ok(Err(status))) => {
                tracing::debug!(rpc, status = ?status.code(), message = status.message(), "write without an answer");
                Err(code_of(&status))
            }
            Ok(Err(_)) | Err(_) => Err(ErrorCode::OutcomeUnknown),
        };
        outcome.map_err(|code| {
            metrics.failed(code);
            LoadError { code }
        })
    }
}

fn change<T>(change: Change<T>, text: impl FnOnce(T) -> String) -> Option<v1::Change> {
    match change {
        Change::Keep => None,
        Change::Clear => Some(v1::Change { to: None }),
        Change::To(value) => Some(v1::Change { to: Some(text(value)) }),
    }
}

/// The service wrote something and says what in a way that can't be read.
const UNREADABLE: LoadError = LoadError { code: ErrorCode::OutcomeUnknown };

/// What is known of a write whose call failed: nothing, unless it never left, or was refused before it began.
fn code_of(status: &Status) -> ErrorCode {
    match status.code() {
        Code::Unauthenticated => ErrorCode::Unauthenticated,
        Code::InvalidArgument => ErrorCode::BadUserInput,
        // The service has no such call, or can't check tokens yet.
        Code::Unimplemented | Code::FailedPrecondition => ErrorCode::UpstreamUnavailable,
        _ if never_left(status) => ErrorCode::UpstreamUnavailable,
        _ => ErrorCode::OutcomeUnknown,
    }
}

/// Whether there was no connection to send it on.
fn never_left(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_without_an_answer_is_not_known() {
        for code in [Code::Unavailable, Code::Cancelled, Code::DeadlineExceeded, Code::Internal, Code::Unknown] {
            assert_eq!(code_of(&Status::new(code, "")), ErrorCode::OutcomeUnknown, "{code:?}");
        }
        assert_eq!(code_of(&Status::unauthenticated("")), ErrorCode::Unauthenticated);
        assert_eq!(code_of(&Status::failed_precondition("")), ErrorCode::UpstreamUnavailable);
    }

    #[test]
    fn what_never_left_was_not_done() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let status = Status::from_error(Box::new(ConnectError(Box::new(refused))));
        assert_eq!(code_of(&status), ErrorCode::UpstreamUnavailable);
    }
}
