-- People, what they write, and what they do with it. Ids are UUIDv7, made by the application.

-- The "C" collation makes lower(username) fold ASCII letters and nothing else, whatever the database's locale.
create table users (
    id uuid primary key,
    username text collate "C" not null check (username ~ '^[A-Za-z0-9_.-]{1,50}$'),
    display_name text not null check (char_length(display_name) between 1 and 100),
    bio text check (char_length(bio) <= 1000),
    avatar_url text check (char_length(avatar_url) <= 2000),
    is_verified boolean not null default false,
    created_at timestamptz not null default now(),
    deleted_at timestamptz
);

create table posts (
    id uuid primary key,
    author_id uuid not null references users,
    body text not null check (char_length(body) between 1 and 10000),
    content_type text not null default 'post' check (content_type in ('post', 'video', 'stream')),
    category text check (char_length(category) between 1 and 50),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz
);

create table comments (
    id uuid primary key,
    post_id uuid not null references posts,
    author_id uuid not null references users,
    body text not null check (char_length(body) between 1 and 10000),
    created_at timestamptz not null default now(),
    deleted_at timestamptz
);

create table likes (
    post_id uuid not null references posts,
    user_id uuid not null references users,
    created_at timestamptz not null default now(),
    primary key (post_id, user_id)
);

create table follows (
    follower_id uuid not null references users,
    followee_id uuid not null references users,
    created_at timestamptz not null default now(),
    primary key (follower_id, followee_id),
    check (follower_id <> followee_id)
);

-- The next two begin as the old schema had them: no index beyond a serial key, and for the scores no key at all.
-- A later migration repairs that on the live tables.
create table engagement_events (
    id bigserial primary key,
    content_id uuid not null,
    content_type text not null default 'post',
    user_id uuid not null,
    event_type text not null check (event_type in ('view', 'like', 'share', 'comment')),
    created_at timestamptz not null default now()
);

create table trending_scores (
    content_id uuid not null,
    content_type text not null default 'post',
    time_window text not null check (time_window in ('1h', '24h', '7d', 'all')),
    category text,
    rank int,
    score numeric(10, 4),
    computed_at timestamptz not null default now()
);
