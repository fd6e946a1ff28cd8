//! Writing the viewer's profile.

use async_graphql::{Context, Error, InputObject, MaybeUndefined, Object, SimpleObject};
use nova_core::{AvatarUrl, Bio, Change, DisplayName, TextError};
use nova_loaders::ProfileChanges;

use super::input::{mutate, text, written};
use crate::{
    error::{Field, bad_input},
    node::loaders,
    user::User,
};

/// What to change in the viewer's profile. What is left out stays as it is.
#[derive(InputObject)]
pub(super) struct UpdateProfileInput {
    /// As the viewer wants to be called: 1 to 100 characters. Not null.
    display_name: MaybeUndefined<String>,
    /// What the viewer says about themselves: at most 1,000 characters. Null clears it.
    bio: MaybeUndefined<String>,
    /// Where a picture of the viewer is: an http or https address of at most 2,000 characters. Null clears it.
    avatar_url: MaybeUndefined<String>,
}

/// A profile that was changed.
#[derive(SimpleObject)]
pub(super) struct UpdateProfilePayload {
    /// Whose profile it is.
    viewer: Option<User>,
}

/// Writing the viewer's profile.
#[derive(Default)]
pub(super) struct Profile;

/// Writing the viewer's profile.
#[Object]
impl Profile {
    /// Changes the viewer's profile.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateProfileInput,
    ) -> Field<UpdateProfilePayload> {
        mutate(ctx, async |_| {
            let display_name = match input.display_name {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => return Err(bad_input("input.displayName", "can't be cleared")),
                MaybeUndefined::Value(name) => Some(text("input.displayName", name, DisplayName::new)?),
            };
            let changes = ProfileChanges {
                display_name,
                bio: change("input.bio", input.bio, Bio::new)?,
                avatar_url: change("input.avatarUrl", input.avatar_url, AvatarUrl::new)?,
            };
            let user = written(loaders(ctx).update_profile(changes).await, None)?;
            Ok(UpdateProfilePayload { viewer: Some(User(user)) })
        })
        .await
    }
}

fn change<T>(
    field: &'static str,
    value: MaybeUndefined<String>,
    check: impl FnOnce(String) -> Result<T, TextError>,
) -> Result<Change<T>, Error> {
    match value {
        MaybeUndefined::Undefined => Ok(Change::Keep),
        MaybeUndefined::Null => Ok(Change::Clear),
        MaybeUndefined::Value(value) => text(field, value, check).map(Change::To),
    }
}
