//! A small social network that is the same in every test, written as SQL.

/// 40 users, of whom each follows about ten; 800 posts, 20 each; 2,000 comments; likes.
///
/// `id(n)` is user n for n up to 40, post n for 1,001 to 1,800, and a comment from 100,001 on.
pub const WORLD: &str = "
    insert into users (id, username, display_name, bio, is_verified, created_at)
        select id(n), 'user' || n, 'User ' || n, case when n % 2 = 0 then 'I am ' || n end, n % 5 = 0, at(n)
        from generate_series(1, 40) n;
    insert into follows (follower_id, followee_id, created_at)
        select id(a), id(b), at(100 + a * 40 + b)
        from generate_series(1, 40) a, generate_series(1, 40) b where a <> b and (a * 7 + b * 3) % 4 = 0;
    insert into posts (id, author_id, body, category, created_at, updated_at)
        select id(1000 + n), id(1 + n % 40), 'post ' || n, case n % 3 when 0 then 'tech' when 1 then 'art' end,
               at(5000 + n), at(5000 + n)
        from generate_series(1, 800) n;
    insert into comments (id, post_id, author_id, body, created_at)
        select id(100000 + n), id(1001 + n % 800), id(1 + n % 37), 'comment ' || n, at(10000 + n)
        from generate_series(1, 2000) n;
    insert into likes (post_id, user_id, created_at)
        select id(1000 + p), id(u), at(20000 + p * 40 + u)
        from generate_series(1, 800) p, generate_series(1, 40) u where (p * u) % 7 = 1;
    analyze;";
