//! The statements of the feed, as the backend writes them: the bench checks that the server sees no difference.

/// $1: viewers, $2 and $3: keysets, $4: page sizes.
pub(super) const FEED: &str = "
    select k.ord, p.* from (
        select ord, parent, coalesce(t, 'infinity'::timestamptz) as from_time,
            coalesce(i, '00000000-0000-0000-0000-000000000000'::uuid) as from_id, size + 1 as row_limit
        from unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::int[]) with ordinality as u(parent, t, i, size, ord)
    ) as k
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
                    and (p.created_at, p.id) < (k.from_time, k.from_id)
                order by p.created_at desc, p.id desc limit 1
            ) head
            order by head.created_at desc, head.id desc limit k.row_limit
        ), winner as (
            select post.id from leader cross join lateral (
                select p.created_at, p.id from posts p
                where p.author_id = leader.id and p.deleted_at is null
                    and (p.created_at, p.id) < (k.from_time, k.from_id)
                order by p.created_at desc, p.id desc limit k.row_limit
            ) post
            order by post.created_at desc, post.id desc limit k.row_limit
        )
        select p.id, p.author_id, p.body, p.content_type, p.category, p.created_at, p.updated_at
        from winner join posts p on p.id = winner.id
    ) p on true
    order by k.ord, p.created_at desc, p.id desc";

/// $1: ids.
pub(super) const USERS: &str = "
    select id, username, display_name, bio, avatar_url, is_verified, created_at, deleted_at is not null as deleted
    from users where id = any($1)";

/// $1: ids of posts.
pub(super) const LIKES: &str = "
    select p.id, (coalesce((select c.value from counters c where c.subject_id = p.id and c.kind = 'likes'), 0)
        + coalesce((select sum(d.delta) from counter_deltas d where d.subject_id = p.id and d.kind = 'likes'), 0))::bigint
    from posts p join users a on a.id = p.author_id
    where p.id = any($1) and p.deleted_at is null and a.deleted_at is null";

/// $1: ids of posts.
pub(super) const COMMENTS: &str = "
    select p.id, (coalesce((select c.value from counters c where c.subject_id = p.id and c.kind = 'comments'), 0)
        + coalesce((select sum(d.delta) from counter_deltas d where d.subject_id = p.id and d.kind = 'comments'), 0))::bigint
    from posts p join users a on a.id = p.author_id
    where p.id = any($1) and p.deleted_at is null and a.deleted_at is null";

/// $1: ids of posts, $2: the viewer.
pub(super) const VIEWER_LIKES: &str = "
    select p.id, exists (select from likes l where l.post_id = p.id and l.user_id = $2)
    from posts p join users a on a.id = p.author_id
    where p.id = any($1) and p.deleted_at is null and a.deleted_at is null";
