-- Counts without counting: a roll-up row per subject and kind, plus the changes that are newer than it.
--
-- Every write of an edge appends what it changed; nobody updates a shared row, so a post with a thousand likes a second
-- has no hot row. A reader adds value and changes in ONE statement, hence one snapshot: exact while folding goes on.

create type counter_kind as enum ('likes', 'comments', 'followers', 'following', 'posts');

-- `subject_id` is a post (likes, comments) or a user (the others). No row means 0.
create table counters (
    subject_id uuid not null,
    kind counter_kind not null,
    value bigint not null,
    primary key (subject_id, kind)
) with (fillfactor = 80);

create table counter_deltas (
    id bigserial primary key,
    subject_id uuid not null,
    kind counter_kind not null,
    delta bigint not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

create index counter_deltas_by_subject on counter_deltas (subject_id, kind) include (delta);

-- What is counted, a row each. Whether the subject itself is deleted is for the reader to ask.
create view counted_edges as
    select l.post_id as subject_id, 'likes'::counter_kind as kind
    from likes l join users u on u.id = l.user_id where u.deleted_at is null
    union all
    select c.post_id, 'comments' from comments c join users u on u.id = c.author_id
    where c.deleted_at is null and u.deleted_at is null
    union all
    select f.followee_id, 'followers' from follows f join users u on u.id = f.follower_id where u.deleted_at is null
    union all
    select f.follower_id, 'following' from follows f join users u on u.id = f.followee_id where u.deleted_at is null
    union all
    select p.author_id, 'posts' from posts p where p.deleted_at is null;

-- The triggers below run once per statement. Edges of deleted people do not count, so a change of an edge must not race
-- with the deletion of its person: the edge's side holds a KEY SHARE lock on the person (what its foreign key takes
-- anyway), the deletion's side FOR UPDATE, and whoever comes second sees what the first has committed. That holds at
-- READ COMMITTED, where each statement of a trigger has a snapshot of its own.

-- Locks first, in a statement of its own; the statement after it reads what is settled. (Locking and joining in one
-- statement loses rows: after a wait Postgres checks the row again, and in a join of several it may not find it.)
create function hold_people(people uuid[]) returns void language plpgsql as $$
begin
    perform from users where id = any(people) for key share;
end $$;

create function count_likes() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        perform hold_people(array(select user_id from gone));
        insert into counter_deltas (subject_id, kind, delta)
        select g.post_id, 'likes', -count(*) from gone g join users u on u.id = g.user_id
        where u.deleted_at is null group by g.post_id;
    end if;
    if tg_op <> 'DELETE' then
        perform hold_people(array(select user_id from come));
        insert into counter_deltas (subject_id, kind, delta)
        select c.post_id, 'likes', count(*) from come c join users u on u.id = c.user_id
        where u.deleted_at is null group by c.post_id;
    end if;
    return null;
end $$;

create trigger count_insert after insert on likes
    referencing new table as come for each statement execute function count_likes();
create trigger count_update after update on likes
    referencing old table as gone new table as come for each statement execute function count_likes();
create trigger count_delete after delete on likes
    referencing old table as gone for each statement execute function count_likes();

create function count_comments() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        perform hold_people(array(select author_id from gone));
        insert into counter_deltas (subject_id, kind, delta)
        select g.post_id, 'comments', -count(*) from gone g join users u on u.id = g.author_id
        where g.deleted_at is null and u.deleted_at is null group by g.post_id;
    end if;
    if tg_op <> 'DELETE' then
        perform hold_people(array(select author_id from come));
        insert into counter_deltas (subject_id, kind, delta)
        select c.post_id, 'comments', count(*) from come c join users u on u.id = c.author_id
        where c.deleted_at is null and u.deleted_at is null group by c.post_id;
    end if;
    return null;
end $$;

create trigger count_insert after insert on comments
    referencing new table as come for each statement execute function count_comments();
create trigger count_update after update on comments
    referencing old table as gone new table as come for each statement execute function count_comments();
create trigger count_delete after delete on comments
    referencing old table as gone for each statement execute function count_comments();

-- An edge counts for one end while the person at the other end is there.
create function count_follows() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        perform hold_people(array(select follower_id from gone union select followee_id from gone));
        insert into counter_deltas (subject_id, kind, delta)
        select e.subject_id, e.kind, -count(*) from (
            select followee_id as subject_id, 'followers'::counter_kind as kind, follower_id as other_id from gone
            union all select follower_id, 'following', followee_id from gone
        ) e join users u on u.id = e.other_id
        where u.deleted_at is null group by e.subject_id, e.kind;
    end if;
    if tg_op <> 'DELETE' then
        perform hold_people(array(select follower_id from come union select followee_id from come));
        insert into counter_deltas (subject_id, kind, delta)
        select e.subject_id, e.kind, count(*) from (
            select followee_id as subject_id, 'followers'::counter_kind as kind, follower_id as other_id from come
            union all select follower_id, 'following', followee_id from come
        ) e join users u on u.id = e.other_id
        where u.deleted_at is null group by e.subject_id, e.kind;
    end if;
    return null;
end $$;

create trigger count_insert after insert on follows
    referencing new table as come for each statement execute function count_follows();
create trigger count_update after update on follows
    referencing old table as gone new table as come for each statement execute function count_follows();
create trigger count_delete after delete on follows
    referencing old table as gone for each statement execute function count_follows();

create function count_posts() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        insert into counter_deltas (subject_id, kind, delta)
        select author_id, 'posts', -count(*) from gone where deleted_at is null group by author_id;
    end if;
    if tg_op <> 'DELETE' then
        insert into counter_deltas (subject_id, kind, delta)
        select author_id, 'posts', count(*) from come where deleted_at is null group by author_id;
    end if;
    return null;
end $$;

create trigger count_insert after insert on posts
    referencing new table as come for each statement execute function count_posts();
create trigger count_update after update on posts
    referencing old table as gone new table as come for each statement execute function count_posts();
create trigger count_delete after delete on posts
    referencing old table as gone for each statement execute function count_posts();

-- The deletion of a person, or its reversal: locks out edges in flight ...
create function lock_person() returns trigger language plpgsql as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'users are deleted at READ COMMITTED: a frozen snapshot would miss likes that came meanwhile';
    end if;
    perform from users where id = old.id for update;
    return new;
end $$;

create trigger lock_person before update on users for each row
    when ((old.deleted_at is null) <> (new.deleted_at is null)) execute function lock_person();

-- ... and takes the person's edges out of the counts of others, or puts them back.
create function count_person() returns trigger language plpgsql as $$
begin
    with changed as (
        select come.id, case when come.deleted_at is null then 1 else -1 end as sign
        from gone join come using (id)
        where (gone.deleted_at is null) <> (come.deleted_at is null)
    )
    insert into counter_deltas (subject_id, kind, delta)
    select subject_id, kind, sum(sign) from (
        select l.post_id as subject_id, 'likes'::counter_kind as kind, sign
        from changed join likes l on l.user_id = changed.id
        union all
        select c.post_id, 'comments', sign from changed join comments c on c.author_id = changed.id
        where c.deleted_at is null
        union all
        select f.followee_id, 'followers', sign from changed join follows f on f.follower_id = changed.id
        union all
        select f.follower_id, 'following', sign from changed join follows f on f.followee_id = changed.id
    ) edge group by subject_id, kind having sum(sign) <> 0;
    return null;
end $$;

create trigger count_person after update on users
    referencing old table as gone new table as come for each statement execute function count_person();

-- Moves up to `batch` changes into the roll-ups, atomically; answers how many. Any number may run at once: a change is
-- taken by one, and roll-ups are written in one order, so that two never wait for each other in a ring.
create function fold_counter_deltas(batch int) returns int language plpgsql as $$
declare moved int;
begin
    with taken as (
        delete from counter_deltas where id in (
            select id from counter_deltas order by id limit batch for update skip locked
        ) returning subject_id, kind, delta
    ), folded as (
        insert into counters as c (subject_id, kind, value)
        select subject_id, kind, sum(delta) from taken group by subject_id, kind having sum(delta) <> 0
        order by subject_id, kind
        on conflict (subject_id, kind) do update set value = c.value + excluded.value
    )
    select count(*) into moved from taken;
    return moved;
end $$;

-- Counts everything anew, with writers held off. For bulk loads that ran with the triggers disabled.
create function rebuild_counters() returns void language plpgsql as $$
begin
    lock table users, posts, comments, likes, follows in share row exclusive mode;
    truncate counters, counter_deltas;
    insert into counters (subject_id, kind, value)
    select subject_id, kind, count(*) from counted_edges group by subject_id, kind;
end $$;
