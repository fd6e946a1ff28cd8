//! The statements of the users service.

/// $1: ids.
pub(super) const BY_ID: &str = "
    select id, username, display_name, bio, avatar_url, is_verified, created_at, deleted_at is not null as deleted
    from users where id = any($1)";

/// $1: names in lower case.
pub(super) const BY_USERNAME: &str = "
    select id, username, display_name, bio, avatar_url, is_verified, created_at, false as deleted
    from users where lower(username) = any($1) and deleted_at is null";

/// $1: user, $2: display name or null, $3: whether the bio changes, $4: to what, $5 and $6: the same for the picture.
pub(super) const UPDATE_PROFILE: &str = "
    update users set
        display_name = coalesce($2, display_name),
        bio = case when $3 then $4 else bio end,
        avatar_url = case when $5 then $6 else avatar_url end
    where id = $1 and deleted_at is null
    returning id, username, display_name, bio, avatar_url, is_verified, created_at, false as deleted";
