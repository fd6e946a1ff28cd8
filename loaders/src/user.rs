//! Users, by id and by name.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use nova_core::UserId;
use nova_proto::{IntoAnswer, from_micros, id_bytes, id_from_bytes, v1};
use tonic::{Request, Response, Status};

use crate::{
    batching::Answer,
    remote::{Rpc, read},
    upstream::Line,
};

/// A person. A deleted one is a tombstone: `deleted`, an id, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Whose it is.
    pub id: UserId,
    /// Unique, in any case.
    pub username: String,
    /// As the user wants to be called.
    pub display_name: String,
    /// What the user says about themselves.
    pub bio: Option<String>,
    /// Where a picture is.
    pub avatar_url: Option<String>,
    /// Whether somebody checked who it is.
    pub is_verified: bool,
    /// When the account came to be.
    pub created_at: DateTime<Utc>,
    /// Whether the person is gone.
    pub deleted: bool,
}

pub(crate) fn user(wire: v1::User) -> Option<Arc<User>> {
    Some(Arc::new(User {
        id: UserId(id_from_bytes(&wire.id)?),
        username: wire.username,
        display_name: wire.display_name,
        bio: wire.bio,
        avatar_url: wire.avatar_url,
        is_verified: wire.is_verified,
        created_at: from_micros(wire.created_at_micros)?,
        deleted: wire.deleted,
    }))
}

fn users(response: v1::BatchGetUsersResponse) -> Vec<Answer<Arc<User>>> {
    read(response.results.into_iter().map(IntoAnswer::into_answer), user)
}

/// Users by id; a deleted one is found as a tombstone.
pub(crate) struct UserById;

impl Rpc for UserById {
    const NAME: &'static str = "Users/BatchGetUsers";
    type Key = UserId;
    type Value = Arc<User>;
    type Request = v1::BatchByIdRequest;
    type Response = v1::BatchGetUsersResponse;

    fn request(keys: &[UserId]) -> Self::Request {
        v1::BatchByIdRequest { ids: keys.iter().map(|id| id_bytes(id.0)).collect() }
    }

    async fn send(line: Line, request: Request<Self::Request>) -> Result<Response<Self::Response>, Status> {
        line.users().batch_get_users(request).await
    }

    fn answers(response: Self::Response) -> Vec<Answer<Arc<User>>> {
        users(response)
    }
}

/// Users by name, in any case; a deleted one is absent.
pub(crate) struct UserByUsername;

impl Rpc for UserByUsername {
    const NAME: &'static str = "Users/BatchGetUsersByUsername";
    type Key = String;
    type Value = Arc<User>;
    type Request = v1::BatchGetUsersByUsernameRequest;
    type Response = v1::BatchGetUsersResponse;

    fn request(keys: &[String]) -> Self::Request {
        v1::BatchGetUsersByUsernameRequest { usernames: keys.to_vec() }
    }

    async fn send(line: Line, request: Request<Self::Request>) -> Result<Response<Self::Response>, Status> {
        line.users().batch_get_users_by_username(request).await
    }

    fn answers(response: Self::Response) -> Vec<Answer<Arc<User>>> {
        users(response)
    }
}
