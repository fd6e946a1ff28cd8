//! The users service: decodes keys and inputs, asks the repository, encodes answers.

use std::sync::Arc;

use nova_core::{AvatarUrl, Bio, Change, DisplayName, TextError, token::TokenVerifier};
use nova_proto::{IntoAnswer as _, IntoWritten as _, id_bytes, to_micros, v1};
use tonic::{Request, Response, Status};

use super::{
    repository::{self, User},
    write::{self, ProfileChanges},
};
use crate::{
    auth,
    call::Call,
    ids::{Ids, check_number, invalid_text},
    store::Store,
};

#[derive(Debug, Clone)]
pub(crate) struct UsersService {
    store: Store,
    verifier: Arc<TokenVerifier>,
}

impl UsersService {
    pub(crate) fn new(store: Store, verifier: Arc<TokenVerifier>) -> Self {
        Self { store, verifier }
    }
}

#[tonic::async_trait]
impl v1::users_server::Users for UsersService {
    async fn batch_get_users(
        &self,
        request: Request<v1::BatchByIdRequest>,
    ) -> Result<Response<v1::BatchGetUsersResponse>, Status> {
        let call = Call::of(&request);
        let ids = Ids::decode(&request.get_ref().ids)?;
        let found = repository::by_id(&self.store, &call, ids.wanted()).await?;
        let found = found.into_iter().map(|(id, user)| (id, encode(user))).collect();
        Ok(call.answer(v1::BatchGetUsersResponse { results: ids.answers(&found) }))
    }

    async fn batch_get_users_by_username(
        &self,
        request: Request<v1::BatchGetUsersByUsernameRequest>,
    ) -> Result<Response<v1::BatchGetUsersResponse>, Status> {
        let call = Call::of(&request);
        let names = &request.get_ref().usernames;
        check_number(names.len())?;
        let mut wanted: Vec<_> = names.iter().filter_map(|name| canonical(name)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let found = repository::by_username(&self.store, &call, wanted).await?;
        let answer = |name: &String| {
            v1::UserResult::from_answer(Ok(canonical(name).and_then(|name| found.get(&name)).cloned().map(encode)))
        };
        Ok(call.answer(v1::BatchGetUsersResponse { results: names.iter().map(answer).collect() }))
    }

    async fn update_profile(
        &self,
        request: Request<v1::UpdateProfileRequest>,
    ) -> Result<Response<v1::UserWriteResponse>, Status> {
        let call = Call::of(&request);
        let user = auth::writer(request.metadata(), &self.verifier).await?;
        let v1::UpdateProfileRequest { display_name, bio, avatar_url } = request.into_inner();
        let changes = ProfileChanges {
            display_name: display_name.map(DisplayName::new).transpose().map_err(invalid_text)?,
            bio: change(bio, Bio::new)?,
            avatar_url: change(avatar_url, AvatarUrl::new)?,
        };
        let written = write::update_profile(&self.store, &call, user, &changes).await;
        Ok(call.answer(v1::UserWriteResponse::from_written(written.map(encode))))
    }
}

fn change<T>(
    wire: Option<v1::Change>,
    check: impl FnOnce(String) -> Result<T, TextError>,
) -> Result<Change<T>, Status> {
    Ok(match wire {
        None => Change::Keep,
        Some(v1::Change { to: None }) => Change::Clear,
        Some(v1::Change { to: Some(text) }) => Change::To(check(text).map_err(invalid_text)?),
    })
}

/// The name in lower case; `None` for one that nobody can have, so that it is absent without a question.
fn canonical(name: &str) -> Option<String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    ((1..=50).contains(&name.len()) && name.bytes().all(allowed)).then(|| name.to_ascii_lowercase())
}

fn encode(user: User) -> v1::User {
    if user.deleted {
        return v1::User { id: id_bytes(user.id), deleted: true, ..v1::User::default() };
    }
    v1::User {
        id: id_bytes(user.id),
        username: user.username,
        display_name: user.display_name,
        bio: user.bio,
        avatar_url: user.avatar_url,
        is_verified: user.is_verified,
        created_at_micros: to_micros(user.created_at),
        deleted: false,
    }
}
