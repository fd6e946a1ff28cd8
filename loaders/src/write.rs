//! Writes: each is one call for the viewer, sent at once and at most once. Nothing here is batched, shared or tried again.
//!
//! After a write the request forgets what it has read, and joins no fetch that began before: whatever it reads from then on
//! has the write in it.

use std::{future::Future, sync::Arc};

use nova_core::{
    AvatarUrl, Bio, Body, Category, Change, CommentId, DisplayName, ErrorCode, IdempotencyKey, PostId, UserId,
};
use nova_proto::{IntoWritten, KeyFailure, id_bytes, v1};
use tokio::time::{Instant, timeout_at};
use tonic::{Request, Response, Status};

use crate::{
    Comment, ContentType, Post, RequestLoaders, User,
    batching::{Caller, LoadError},
    comment::comment,
    post::post,
    remote::{bearer, identify, obeying, statements},
    upstream::{CallError, Line, Rules, Service},
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
        let send = |line: Line, request| async move { line.content().create_post(request).await };
        self.written_post(self.write(Service::Content, "Content/CreatePost", message, send).await?)
    }

    /// Changes what a post of the viewer's says.
    ///
    /// # Errors
    /// `NOT_FOUND`; FORBIDDEN when it is somebody else's.
    pub async fn update_post(&self, id: PostId, body: Body) -> Written<Arc<Post>> {
        let message = v1::UpdatePostRequest { post_id: id_bytes(id.0), body: body.into_string() };
        let send = |line: Line, request| async move { line.content().update_post(request).await };
        self.written_post(self.write(Service::Content, "Content/UpdatePost", message, send).await?)
    }

    /// Deletes a post of the viewer's.
    ///
    /// # Errors
    /// `NOT_FOUND`; FORBIDDEN when it is somebody else's.
    pub async fn delete_post(&self, id: PostId) -> Written<()> {
        let message = v1::DeletePostRequest { post_id: id_bytes(id.0) };
        let send = |line: Line, request| async move { line.content().delete_post(request).await };
        self.write(Service::Content, "Content/DeletePost", message, send).await.map(drop)
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
        let send = |line: Line, request| async move { line.content().add_comment(request).await };
        let comment =
            comment(self.write(Service::Content, "Content/AddComment", message, send).await?).ok_or(UNREADABLE)?;
        self.prime_comment(&comment);
        Ok(comment)
    }

    /// Deletes a comment of the viewer's, or on a post of the viewer's; answers the post.
    ///
    /// # Errors
    /// `NOT_FOUND`; FORBIDDEN when neither is the viewer's.
    pub async fn delete_comment(&self, id: CommentId) -> Written<PostId> {
        let message = v1::DeleteCommentRequest { comment_id: id_bytes(id.0) };
        let send = |line: Line, request| async move { line.content().delete_comment(request).await };
        let deleted = self.write(Service::Content, "Content/DeleteComment", message, send).await?;
        comment(deleted).map(|comment| comment.post_id).ok_or(UNREADABLE)
    }

    /// Sees to it that the viewer likes a post.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn like_post(&self, id: PostId) -> Written<()> {
        let message = v1::EdgeRequest { id: id_bytes(id.0) };
        let send = |line: Line, request| async move { line.social().like_post(request).await };
        self.write(Service::Social, "Social/LikePost", message, send).await.map(drop)
    }

    /// Sees to it that the viewer does not like a post.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn unlike_post(&self, id: PostId) -> Written<()> {
        let message = v1::EdgeRequest { id: id_bytes(id.0) };
        let send = |line: Line, request| async move { line.social().unlike_post(request).await };
        self.write(Service::Social, "Social/UnlikePost", message, send).await.map(drop)
    }

    /// Sees to it that the viewer follows a user.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn follow_user(&self, id: UserId) -> Written<()> {
        let message = v1::EdgeRequest { id: id_bytes(id.0) };
        let send = |line: Line, request| async move { line.social().follow_user(request).await };
        self.write(Service::Social, "Social/FollowUser", message, send).await.map(drop)
    }

    /// Sees to it that the viewer does not follow a user.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn unfollow_user(&self, id: UserId) -> Written<()> {
        let message = v1::EdgeRequest { id: id_bytes(id.0) };
        let send = |line: Line, request| async move { line.social().unfollow_user(request).await };
        self.write(Service::Social, "Social/UnfollowUser", message, send).await.map(drop)
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
        let send = |line: Line, request| async move { line.users().update_profile(request).await };
        let user = user(self.write(Service::Users, "Users/UpdateProfile", message, send).await?).ok_or(UNREADABLE)?;
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
        service: Service,
        rpc: &'static str,
        message: M,
        send: impl Fn(Line, Request<M>) -> F + Send + Sync + 'static,
    ) -> Written<R::Written>
    where
        M: Clone + Send + Sync + 'static,
        R: IntoWritten + Send + 'static,
        F: Future<Output = Result<Response<R>, Status>> + Send + 'static,
    {
        let deadline = self.deadline();
        if deadline.remaining().is_zero() {
            return Err(ErrorCode::Timeout.into());
        }
        let Caller { credential, policy, trace, .. } = self.caller().clone();
        let credential = credential.as_ref().map(bearer).transpose().map_err(|_| ErrorCode::Unauthenticated)?;
        let metrics = self.metrics_of(rpc);
        metrics.called(1);
        trace.call(rpc, 1);

        let upstream = self.upstreams().of(service).clone();
        // A task of its own: what was sent goes on when the client leaves.
        let call = tokio::spawn(async move {
            let attempt = |line, time| {
                let mut request = Request::new(message.clone());
                request.set_timeout(time);
                obeying(&mut request, &policy);
                identify(&mut request, credential.clone());
                send(line, request)
            };
            upstream.write(&Rules::of(&policy), deadline, attempt).await
        });
        let begin = Instant::now();
        let answer = {
            let _waiting = self.scope().waiting();
            timeout_at(deadline.instant(), call).await
        };
        metrics.duration.observe(begin.elapsed().as_secs_f64());
        // Whatever became of it: what was read before it is not to be believed any more.
        self.renew();
        let outcome = match answer {
            Ok(Ok(Ok(response))) => {
                trace.statements(statements(&response));
                response.into_inner().into_written().map_err(|KeyFailure(code)| code)
            }
            Ok(Ok(Err(error))) => {
                tracing::debug!(rpc, ?error, "write without an answer");
                Err(error.of_write())
            }
            Ok(Err(_)) | Err(_) => Err(CallError::Late.of_write()),
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
