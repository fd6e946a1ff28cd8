-- What other stores must hear of. An event is written in the transaction of the write it tells of, with one delivery per
-- sink that wants it; a delivery that is done is deleted. So a dead sink delays itself alone.

create table outbox_events (
    id bigserial primary key,
    -- What the event is about, such as 'post:<uuid>'. Ids are in commit order within an aggregate, not across.
    aggregate text not null,
    kind text not null,
    payload jsonb not null,
    created_at timestamptz not null default now()
);

create table outbox_deliveries (
    sink text not null,
    -- hash(aggregate) % 16
    partition smallint not null check (partition between 0 and 15),
    event_id bigint not null references outbox_events,
    attempts int not null default 0,
    next_at timestamptz not null default now(),
    last_error text,
    -- Given up on until an operator looks; it no longer holds back its aggregate.
    set_aside_at timestamptz,
    primary key (sink, partition, event_id)
);

-- Whether an event has deliveries left.
create index outbox_deliveries_by_event on outbox_deliveries (event_id);

-- Which relay works on which partition. The fence grows with each change of hands.
create table outbox_leases (
    sink text not null,
    partition smallint not null check (partition between 0 and 15),
    holder uuid,
    fence bigint not null default 0,
    expires_at timestamptz not null default '-infinity',
    primary key (sink, partition)
);

-- One row per sink. Ages are of what is not delivered yet: a delivered event has no age.
create view outbox_status as
    select
        sink,
        count(event_id) filter (where set_aside_at is null) as pending,
        count(event_id) filter (where set_aside_at is not null) as set_aside,
        count(event_id) filter (where set_aside_at is null and attempts > 0) as retrying,
        coalesce(max(attempts), 0) as max_attempts,
        coalesce(extract(epoch from now() - min(created_at) filter (where set_aside_at is null)), 0)::double precision
            as oldest_pending_seconds
    from (
        select d.sink, d.event_id, d.attempts, d.set_aside_at, e.created_at
        from outbox_deliveries d join outbox_events e on e.id = d.event_id
        union all
        select distinct sink, null::bigint, null::int, null::timestamptz, null::timestamptz from outbox_leases
    ) as work
    group by sink;

-- One row per sink: 'healthy', 'delayed' (the oldest undelivered event is older than `delayed_after`), or 'stalled'
-- (older than `stalled_after`, or an event was set aside).
create function check_outbox_health(
    delayed_after interval default '1 minute',
    stalled_after interval default '5 minutes'
) returns table (sink text, status text, pending bigint, set_aside bigint, oldest_pending_seconds double precision)
language sql stable as $$
    select
        s.sink,
        case
            when s.set_aside > 0 or s.oldest_pending_seconds > extract(epoch from stalled_after) then 'stalled'
            when s.oldest_pending_seconds > extract(epoch from delayed_after) then 'delayed'
            else 'healthy'
        end,
        s.pending, s.set_aside, s.oldest_pending_seconds
    from outbox_status s
    order by s.sink
$$;
