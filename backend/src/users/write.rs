//! Writes profiles.

use nova_core::{AvatarUrl, Bio, Change, DisplayName, ErrorCode, UserId};
use nova_proto::KeyFailure;

use super::{repository::User, sql};
use crate::{
    call::Call,
    outbox::Event,
    store::Store,
    write::{Refusal, Write},
};

/// What is to change; `None` leaves the name as it is.
pub(super) struct ProfileChanges {
    pub(super) display_name: Option<DisplayName>,
    pub(super) bio: Change<Bio>,
    pub(super) avatar_url: Change<AvatarUrl>,
}

pub(super) async fn update_profile(
    store: &Store,
    call: &Call,
    user: UserId,
    changes: &ProfileChanges,
) -> Result<User, Refusal> {
    let ProfileChanges { display_name, bio, avatar_url } = changes;
    let mut write = Write::begin(store, call, "update_profile").await?;
    let update = sqlx::query_as(sql::UPDATE_PROFILE)
        .bind(user.0)
        .bind(display_name.as_ref().map(DisplayName::as_str))
        .bind(bio.changes())
        .bind(bio.value().map(Bio::as_str))
        .bind(avatar_url.changes())
        .bind(avatar_url.value().map(AvatarUrl::as_str));
    let updated: User = write.row(update).await?.ok_or(KeyFailure(ErrorCode::Unauthenticated))?;
    write.tell(&Event::UserUpdated { user: user.0 }).await?;
    write.commit().await?;
    Ok(updated)
}
