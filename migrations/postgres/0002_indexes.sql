-- What the reads walk: keyset pages on (created_at, id), one index per list.

create unique index users_username on users (lower(username));
-- Few rows: lets a list leave deleted people out without a look at everybody in it.
create index users_deleted on users (id) where deleted_at is not null;

-- A person's posts and, of many people, the feed.
create index posts_by_author on posts (author_id, created_at desc, id desc) where deleted_at is null;

create index comments_by_post on comments (post_id, created_at, id) where deleted_at is null;
-- What one person wrote, for when that person is deleted.
create index comments_by_author on comments (author_id) where deleted_at is null;

create index likes_by_post on likes (post_id, created_at desc, user_id desc);
-- What one person likes, for when that person is deleted.
create index likes_by_user on likes (user_id);

create index follows_by_follower on follows (follower_id, created_at desc, followee_id desc);
create index follows_by_followee on follows (followee_id, created_at desc, follower_id desc);
