//! The statements of the social service.

use crate::{
    count::count_of,
    list::{List, list, page_keys},
};

/// $1: ids of posts.
pub(super) const COUNT_LIKES: &str = concat!(
    "select p.id, ",
    count_of!("p.id", "likes"),
    " from posts p join users a on a.id = p.author_id
    where p.id = any($1) and p.deleted_at is null and a.deleted_at is null"
);

/// $1: ids of users.
pub(super) const COUNT_FOLLOWS: &str = concat!(
    "select u.id, ",
    count_of!("u.id", "followers"),
    ", ",
    count_of!("u.id", "following"),
    " from users u where u.id = any($1) and u.deleted_at is null"
);

/// $1: ids of posts, $2: the viewer.
pub(super) const VIEWER_LIKES: &str = "
    select p.id, exists (select from likes l where l.post_id = p.id and l.user_id = $2)
    from posts p join users a on a.id = p.author_id
    where p.id = any($1) and p.deleted_at is null and a.deleted_at is null";

/// $1: ids of users, $2: the viewer.
pub(super) const VIEWER_FOLLOWS: &str = "
    select u.id, exists (select from follows f where f.follower_id = $2 and f.followee_id = u.id)
    from users u where u.id = any($1) and u.deleted_at is null";

/// The edges of `$table` that start at the parent in column `$parent`; the other end is `$other`. `$visible` joins what
/// must be there for the parent to be.
#[rustfmt::skip]
macro_rules! edges {
    ($table:literal, $parent:literal, $other:literal, $visible:literal, $beyond:literal, $order:literal, $end:literal) => {
        concat!("select k.ord, e.* from ", page_keys!($end), " ", $visible, "
            left join lateral (
                select e.", $other, " as id, e.created_at from ", $table, " e
                where e.", $parent, " = k.parent and (e.created_at, e.", $other, ") ", $beyond, " (k.from_time, k.from_id)
                    and not exists (select from users d where d.id = e.", $other, " and d.deleted_at is not null)
                order by e.created_at ", $order, ", e.", $other, " ", $order, " limit k.row_limit
            ) e on true
            order by k.ord, e.created_at ", $order, ", e.id ", $order)
    };
}

macro_rules! followers {
    ($beyond:literal, $order:literal, $end:literal) => {
        edges!(
            "follows",
            "followee_id",
            "follower_id",
            "join users u on u.id = k.parent and u.deleted_at is null",
            $beyond,
            $order,
            $end
        )
    };
}

macro_rules! following {
    ($beyond:literal, $order:literal, $end:literal) => {
        edges!(
            "follows",
            "follower_id",
            "followee_id",
            "join users u on u.id = k.parent and u.deleted_at is null",
            $beyond,
            $order,
            $end
        )
    };
}

macro_rules! likers {
    ($beyond:literal, $order:literal, $end:literal) => {
        edges!(
            "likes",
            "post_id",
            "user_id",
            "join posts p on p.id = k.parent and p.deleted_at is null
            join users a on a.id = p.author_id and a.deleted_at is null",
            $beyond,
            $order,
            $end
        )
    };
}

/// Who follows each user.
pub(super) const FOLLOWERS: List = list!("followers", newest first, followers);

/// Whom each user follows.
pub(super) const FOLLOWING: List = list!("following", newest first, following);

/// Who likes each post.
pub(super) const LIKERS: List = list!("likers", newest first, likers);
