//! The statements of the content service.

use crate::{
    count::count_of,
    list::{List, list, page_keys},
};

macro_rules! post_columns {
    () => {
        "p.id, p.author_id, p.body, p.content_type, p.category, p.created_at, p.updated_at"
    };
}

macro_rules! comment_columns {
    () => {
        "c.id, c.post_id, c.author_id, c.body, c.created_at"
    };
}

/// $1: ids.
pub(super) const POSTS_BY_ID: &str = concat!(
    "select ",
    post_columns!(),
    "
    from posts p join users a on a.id = p.author_id
    where p.id = any($1) and p.deleted_at is null and a.deleted_at is null"
);

/// $1: ids. A comment goes with its author and with its post.
pub(super) const COMMENTS_BY_ID: &str = concat!(
    "select ",
    comment_columns!(),
    "
    from comments c join users a on a.id = c.author_id join posts p on p.id = c.post_id join users pa on pa.id = p.author_id
    where c.id = any($1) and c.deleted_at is null and a.deleted_at is null
        and p.deleted_at is null and pa.deleted_at is null"
);

/// $1: ids of authors.
pub(super) const COUNT_POSTS: &str =
    concat!("select u.id, ", count_of!("u.id", "posts"), " from users u where u.id = any($1) and u.deleted_at is null");

/// $1: ids of posts.
pub(super) const COUNT_COMMENTS: &str = concat!(
    "select p.id, ",
    count_of!("p.id", "comments"),
    " from posts p join users a on a.id = p.author_id
    where p.id = any($1) and p.deleted_at is null and a.deleted_at is null"
);

#[rustfmt::skip]
macro_rules! posts_by_author {
    ($beyond:literal, $order:literal, $end:literal) => {
        concat!("select k.ord, p.* from ", page_keys!($end), "
            join users a on a.id = k.parent and a.deleted_at is null
            left join lateral (
                select ", post_columns!(), " from posts p
                where p.author_id = k.parent and p.deleted_at is null
                    and (p.created_at, p.id) ", $beyond, " (k.from_time, k.from_id)
                order by p.created_at ", $order, ", p.id ", $order, " limit k.row_limit
            ) p on true
            order by k.ord, p.created_at ", $order, ", p.id ", $order)
    };
}

/// The posts of each author.
pub(super) const POSTS_BY_AUTHOR: List = list!("posts_by_author", newest first, posts_by_author);

#[rustfmt::skip]
macro_rules! comments_by_post {
    ($beyond:literal, $order:literal, $end:literal) => {
        concat!("select k.ord, c.* from ", page_keys!($end), "
            join posts p on p.id = k.parent and p.deleted_at is null
            join users a on a.id = p.author_id and a.deleted_at is null
            left join lateral (
                select ", comment_columns!(), " from comments c
                where c.post_id = k.parent and c.deleted_at is null
                    and (c.created_at, c.id) ", $beyond, " (k.from_time, k.from_id)
                    and not exists (select from users d where d.id = c.author_id and d.deleted_at is not null)
                order by c.created_at ", $order, ", c.id ", $order, " limit k.row_limit
            ) c on true
            order by k.ord, c.created_at ", $order, ", c.id ", $order)
    };
}

/// The comments of each post.
pub(super) const COMMENTS_BY_POST: List = list!("comments_by_post", oldest first, comments_by_post);

// The rows of a page come from no more authors than it has rows, and those are among the authors whose first post in the
// walk comes first. So: one look into the index per followee, then a page of each of those few, then the rows of the
// winners. Of the posts, nothing but the index is read until the last step.
#[rustfmt::skip]
macro_rules! feed {
    ($beyond:literal, $order:literal, $end:literal) => {
        concat!("select k.ord, p.* from ", page_keys!($end), "
            join users v on v.id = k.parent and v.deleted_at is null
            left join lateral (
                with author as (
                    select k.parent as id
                    union all
                    select f.followee_id from follows f
                    where f.follower_id = k.parent
                        and not exists (select from users d where d.id = f.followee_id and d.deleted_at is not null)
                ), leader as (
                    select author.id from author cross join lateral (
                        select p.created_at, p.id from posts p
                        where p.author_id = author.id and p.deleted_at is null
                            and (p.created_at, p.id) ", $beyond, " (k.from_time, k.from_id)
                        order by p.created_at ", $order, ", p.id ", $order, " limit 1
                    ) head
                    order by head.created_at ", $order, ", head.id ", $order, " limit k.row_limit
                ), winner as (
                    select post.id from leader cross join lateral (
                        select p.created_at, p.id from posts p
                        where p.author_id = leader.id and p.deleted_at is null
                            and (p.created_at, p.id) ", $beyond, " (k.from_time, k.from_id)
                        order by p.created_at ", $order, ", p.id ", $order, " limit k.row_limit
                    ) post
                    order by post.created_at ", $order, ", post.id ", $order, " limit k.row_limit
                )
                select ", post_columns!(), " from winner join posts p on p.id = winner.id
            ) p on true
            order by k.ord, p.created_at ", $order, ", p.id ", $order)
    };
}

/// The posts of each viewer and of whom the viewer follows.
pub(super) const FEED: List = list!("feed", newest first, feed);

/// $1: the new id, $2: author, $3: body, $4: content type, $5: category.
pub(super) const CREATE_POST: &str = concat!(
    "insert into posts as p (id, author_id, body, content_type, category)
    select $1, id, $3, $4, $5 from users where id = $2 and deleted_at is null
    returning ",
    post_columns!()
);

/// $1: post, $2: who wants it, $3: body. Nothing unless it is theirs.
pub(super) const UPDATE_POST: &str = concat!(
    "update posts p set body = $3, updated_at = now() from users a
    where p.id = $1 and p.author_id = $2 and a.id = p.author_id and p.deleted_at is null and a.deleted_at is null
    returning ",
    post_columns!()
);

/// $1: post, $2: who wants it. Nothing unless it is theirs.
pub(super) const DELETE_POST: &str = concat!(
    "update posts p set deleted_at = now() from users a
    where p.id = $1 and p.author_id = $2 and a.id = p.author_id and p.deleted_at is null and a.deleted_at is null
    returning ",
    post_columns!()
);

/// $1: the new id, $2: post, $3: author, $4: body.
pub(super) const ADD_COMMENT: &str = concat!(
    "insert into comments as c (id, post_id, author_id, body)
    select $1, p.id, u.id, $4
    from posts p join users a on a.id = p.author_id join users u on u.id = $3
    where p.id = $2 and p.deleted_at is null and a.deleted_at is null and u.deleted_at is null
    returning ",
    comment_columns!()
);

/// $1: comment, $2: who wants it. Nothing unless the comment is theirs, or the post.
pub(super) const DELETE_COMMENT: &str = concat!(
    "update comments c set deleted_at = now()
    from posts p join users pa on pa.id = p.author_id, users a
    where c.id = $1 and p.id = c.post_id and a.id = c.author_id and $2 in (c.author_id, p.author_id)
        and c.deleted_at is null and a.deleted_at is null and p.deleted_at is null and pa.deleted_at is null
    returning ",
    comment_columns!()
);
