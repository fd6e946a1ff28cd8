-- What makes a write that is sent twice happen once: the key that a client chose, kept for 24 hours.

create table idempotency_keys (
    user_id uuid not null references users,
    key text not null check (char_length(key) between 1 and 64),
    -- SHA-256 of the write's name and input.
    fingerprint bytea not null check (length(fingerprint) = 32),
    -- What the first write made: a post or a comment.
    result_id uuid not null,
    created_at timestamptz not null default now(),
    primary key (user_id, key)
);

-- For the job that forgets them.
create index idempotency_keys_by_age on idempotency_keys (created_at);
-- The same for events that every sink has had.
create index outbox_events_by_age on outbox_events (created_at);
