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

/// $1: post, $2: who likes it. Nothing when it is liked already, or somebody is not there.
pub(super) const LIKE: &str = "
    insert into likes (post_id, user_id)
    select p.id, u.id from posts p join users a on a.id = p.author_id join users u on u.id = $2
    where p.id = $1 and p.deleted_at is null and a.deleted_at is null and u.deleted_at is null
    on conflict do nothing returning true";

/// $1: post, $2: who liked it.
pub(super) const UNLIKE: &str = "
    delete from likes l using posts p, users a
    where l.post_id = $1 and l.user_id = $2 and p.id = l.post_id and a.id = p.author_id
        and p.deleted_at is null and a.deleted_at is null
    returning true";

/// $1: followee, $2: follower. Nothing when it is so already, or somebody is not there.
pub(super) const FOLLOW: &str = "
    insert into follows (followee_id, follower_id)
    select f.id, u.id from users f join users u on u.id = $2
    where f.id = $1 and f.deleted_at is null and u.deleted_at is null
    on conflict do nothing returning true";

/// $1: followee, $2: follower.
pub(super) const UNFOLLOW: &str = "
    delete from follows e using users f
    where e.followee_id = $1 and e.follower_id = $2 and f.id = e.followee_id and f.deleted_at is null
    returning true";

/// $1: post.
pub(super) const POST_IS_THERE: &str = "
    select true from posts p join users a on a.id = p.author_id
    where p.id = $1 and p.deleted_at is null and a.deleted_at is null";

/// $1: user.
pub(super) const USER_IS_THERE: &str = "select true from users where id = $1 and deleted_at is null";
