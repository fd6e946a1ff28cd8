//! The statements of the users service.

/// $1: ids.
pub(super) const BY_ID: &str = "
    select id, username, display_name, bio, avatar_url, is_verified, created_at, deleted_at is not null as deleted
    from users where id = any($1)";

/// $1: names in lower case.
pub(super) const BY_USERNAME: &str = "
    select id, username, display_name, bio, avatar_url, is_verified, created_at, false as deleted
    from users where lower(username) = any($1) and deleted_at is null";
