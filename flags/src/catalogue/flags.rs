//! The flags. An entry here is all that a new one needs: its id, its payload and its accessor come from it. It comes in the
//! commit that brings the behaviour it switches.

use super::define::{FieldType, catalogue};
use super::flag::{Equivalence, Field, Flag, Kind, ReadIn, Scope};
use super::mode::Mode;

catalogue! {
    /// Whether keys that are asked for at the same time go in one call.
    LoadersBatching loaders_batching "loaders.batching" {
        scope: Request, read_in: Gateway, equivalence: Equivalence::Same, kind: Release,
        default: true, owner: "gateway", end: Some("2027-12-31"),
        off: "Each key is a call of its own, and no fetch is shared with another request.",
        on: "The keys that a request waits for at the same time go in one call per source.",
        payload: Batching {
            max_batch: u16 = 1_000 in 1..=5_000, "Most keys of one call; `NOVA_MAX_BATCH` is the ceiling.";
        }
    }

    /// Whether requests that want the same key at the same time share one fetch.
    LoadersSharedFlights loaders_shared_flights "loaders.shared-flights" {
        scope: Request, read_in: Gateway, equivalence: Equivalence::Same, kind: Release,
        default: true, owner: "gateway", end: Some("2027-12-31"),
        off: "Each request fetches for itself.",
        on: "Requests that want the same key at the same time share one fetch. It needs `loaders.batching`.",
    }

    /// How long a request may take, below the ceiling.
    LimitsExecutionTimeout limits_execution_timeout "limits.execution-timeout" {
        scope: Request, read_in: Gateway, equivalence: Equivalence::SameWhenHealthy, kind: Operational,
        default: true, owner: "gateway", end: None,
        off: "A request may take as long as the ceiling `NOVA_EXECUTION_TIMEOUT_MS` says.",
        on: "A request may take as long as the payload says, and never longer than the ceiling.",
        payload: ExecutionTimeout {
            ms: u32 = 30_000 in 100..=60_000, "Milliseconds from the start of the execution to its answer.";
        }
    }

    /// Whether clients may register documents, and ask for them by their hash.
    DocumentsAutomatic documents_automatic "documents.automatic" {
        scope: Request, read_in: Gateway,
        equivalence: Equivalence::Different("a hash without its document is refused on one side and looked up on the other; whole documents answer alike"),
        kind: Operational,
        default: true, owner: "gateway", end: None,
        off: "A hash that is no trusted document's is refused with `PERSISTED_QUERY_NOT_SUPPORTED`; clients then send whole documents.",
        on: "A document that comes with its hash, and is accepted, is kept, and is found by its hash alone (Apollo's automatic persisted queries).",
    }

    /// Whether only documents of the manifest run.
    DocumentsTrustedOnly documents_trusted_only "documents.trusted-only" {
        scope: Request, read_in: Gateway,
        equivalence: Equivalence::Different("documents that are not in the manifest run on one side and are refused on the other"),
        kind: Operational,
        default: false, owner: "gateway", end: None,
        off: "Any document runs; those of the manifest `NOVA_DOCUMENTS_MANIFEST` may be asked for by id.",
        on: "Documents of the manifest run, asked for by id; whatever else is refused with 403 and `FORBIDDEN`. Without a manifest nothing runs.",
    }

    /// How many requests a user, and an address, may send.
    LimitsRate limits_rate "limits.rate" {
        scope: Request, read_in: Gateway,
        equivalence: Equivalence::Different("in mode `enforce` a request above its rate is refused with `RATE_LIMITED`"),
        kind: Operational, default: true, owner: "gateway", end: None,
        off: "Requests are not counted, and none is refused.",
        on: "Requests are counted by the address that they come from, and with a valid token by its user, too. In mode `enforce` one too many is refused.",
        payload: Rate {
            per_minute: u32 = 6_000 in 1..=6_000_000, "Requests a minute that a user may go on sending.";
            burst: u32 = 1_000 in 1..=1_000_000, "Requests that a user may send at once; at most what ten minutes bring.";
            address_per_minute: u32 = 60_000 in 1..=6_000_000, "Requests a minute that may go on coming from an address.";
            address_burst: u32 = 10_000 in 1..=1_000_000, "Requests that may come from an address at once; at most what ten minutes bring.";
            mode: Mode = 0 in 0..=1, "Whether one too many is refused, or only counted.";
        }
    }

    /// Whether requests are refused before memory runs out.
    LimitsShedding limits_shedding "limits.shedding" {
        scope: Process, read_in: Gateway,
        equivalence: Equivalence::Different("requests are refused with 503 while memory is short"), kind: Operational,
        default: true, owner: "gateway", end: None,
        off: "Only `NOVA_MAX_REQUESTS` and `NOVA_MAX_CONNECTIONS` bound what is taken on at a time.",
        on: "While the process has more memory than the payload allows, or the bodies of requests have more than `NOVA_MAX_BODY_MEMORY_BYTES`, requests are refused with 503. One whose body would take more than an eighth of that alone is refused with 413.",
        payload: Shedding {
            memory_percent: u32 = 80 in 10..=100, "Percent of `NOVA_MAX_MEMORY_BYTES` above which requests are refused; they are taken again 5 percent below.";
        }
    }

    /// Whether one request may bring several operations.
    HttpBatching http_batching "http.batching" {
        scope: Request, read_in: Gateway,
        equivalence: Equivalence::Different("a JSON array of operations is refused or answered"), kind: Operational,
        default: false, owner: "gateway", end: None,
        off: "A JSON array of operations is refused with `BATCHING_NOT_SUPPORTED`.",
        on: "A JSON array of operations is answered as an array: one after the other, in their order, under one deadline.",
        payload: HttpBatching {
            max_operations: u16 = 10 in 1..=50, "Most operations of one batch; a larger one is refused as a whole.";
        }
    }

    /// How large a document may be, below the ceilings.
    LimitsDocument limits_document "limits.document" {
        scope: Request, read_in: Gateway,
        equivalence: Equivalence::Different("larger documents are refused with LIMIT_EXCEEDED"), kind: Operational,
        default: true, owner: "gateway", end: None,
        off: "A document may be as large as the ceilings allow, which are compiled in.",
        on: "A document that is larger than the payload says is refused before validation, or only counted.",
        payload: DocumentLimits {
            bytes: u64 = 65_536 in 100..=1_048_576, "Bytes of the document.";
            tokens: u16 = 5_000 in 10..=15_000, "Tokens: names, values and punctuators.";
            fragments: u16 = 100 in 0..=1_000, "Fragments that it defines.";
            aliases: u16 = 100 in 0..=1_000, "Aliases.";
            directives: u16 = 100 in 0..=1_000, "Directives.";
            operations: u16 = 20 in 1..=100, "Operations that it defines.";
            root_fields: u16 = 50 in 1..=1_000, "Fields at the root of the operation.";
            selections: u16 = 2_000 in 1..=10_000, "Selections of all operations, with each fragment where it is spread.";
            mode: Mode = 1 in 0..=1, "Whether it refuses or only counts.";
        }
    }

    /// How deep an operation may be, below the ceiling.
    LimitsDepth limits_depth "limits.depth" {
        scope: Request, read_in: Gateway,
        equivalence: Equivalence::Different("deeper operations are refused with LIMIT_EXCEEDED"), kind: Operational,
        default: true, owner: "gateway", end: None,
        off: "Selection sets may be nested 30 deep, which is compiled in.",
        on: "An operation whose fields are nested deeper than the payload says is refused, or only counted. What describes the schema is not counted.",
        payload: DepthLimit {
            max: u16 = 10 in 1..=30, "Levels of fields; those at the root are the first.";
            mode: Mode = 1 in 0..=1, "Whether it refuses or only counts.";
        }
    }

    /// How much an operation may cost, below the ceiling.
    LimitsComplexity limits_complexity "limits.complexity" {
        scope: Request, read_in: Gateway,
        equivalence: Equivalence::Different("costlier operations are refused with LIMIT_EXCEEDED"), kind: Operational,
        default: true, owner: "gateway", end: None,
        off: "An operation may cost 100,000 points, which is compiled in.",
        on: "An operation that may cost more than the payload says is refused, or only counted. What describes the schema is not counted.",
        payload: ComplexityLimit {
            max: u32 = 1_000 in 1..=100_000, "Points: an object or a counter is one, a plain value a tenth, a write ten.";
            mode: Mode = 1 in 0..=1, "Whether it refuses or only counts.";
        }
    }

    /// Whether callers may ask for the description of the schema.
    LimitsIntrospection limits_introspection "limits.introspection" {
        scope: Request, read_in: Gateway,
        equivalence: Equivalence::Different("`__schema` and `__type` are refused with FORBIDDEN"), kind: Operational,
        default: true, owner: "gateway", end: None,
        off: "Everybody may ask for the description of the schema.",
        on: "`__schema` and `__type` are refused, or only counted, but in development and for tokens with scope `debug`.",
        payload: IntrospectionLimit {
            mode: Mode = 1 in 0..=1, "Whether it refuses or only counts.";
        }
    }

    /// How much the operations of a caller may cost, over time.
    LimitsCostBudget limits_cost_budget "limits.cost-budget" {
        scope: Request, read_in: Gateway,
        equivalence: Equivalence::Different("in mode `enforce` an operation above the budget is refused with `RATE_LIMITED`"),
        kind: Operational, default: true, owner: "gateway", end: None,
        off: "What operations cost is not added up.",
        on: "An operation spends its complexity from the budget of its user, or without a token of its address. In mode `enforce` one that the budget does not cover is refused.",
        payload: CostBudget {
            per_minute: u32 = 60_000 in 1..=600_000_000, "Points of complexity a minute that a caller may go on spending.";
            burst: u32 = 100_000 in 1..=1_000_000_000, "Points that a caller may spend at once; at most what ten minutes bring. An operation that costs more never runs.";
            mode: Mode = 0 in 0..=1, "Whether one that is not covered is refused, or only counted.";
        }
    }

    /// Whether calls to an upstream that keeps failing are refused at once.
    GuardGrpcBreaker guard_grpc_breaker "guard.grpc-breaker" {
        scope: Request, read_in: Gateway, equivalence: Equivalence::SameWhenHealthy, kind: Operational,
        default: true, owner: "gateway", end: None,
        off: "Calls to upstreams are counted, and none is refused.",
        on: "After so many failures calls to an upstream are refused at once, until one that tries is answered.",
        payload: GrpcBreaker {
            failures: u32 = 20 in 1..=10_000, "Failures within the window that open it, if they are also `failure_percent` of the calls; as many slow calls are needed, too.";
            window_secs: u32 = 60 in 1..=120, "The window, in seconds.";
            failure_percent: u32 = 50 in 1..=100, "Percent of the calls in the window that must have failed.";
            consecutive: u32 = 0 in 0..=10_000, "Failures in a row that open it, whatever share they are; 0 is as many as `failures`.";
            slow_ms: u32 = 2_000 in 1..=60_000, "Milliseconds from which on a call is slow.";
            slow_percent: u32 = 80 in 1..=100, "Percent of the calls in the window that must have been slow.";
            pause_ms: u32 = 1_000 in 100..=60_000, "Milliseconds that it stays open before a call tries again.";
        }
    }

    /// How many calls may be under way to an upstream.
    GuardBulkhead guard_bulkhead "guard.bulkhead" {
        scope: Request, read_in: Gateway, equivalence: Equivalence::SameWhenHealthy, kind: Operational,
        default: true, owner: "gateway", end: None,
        off: "Calls under way are counted, and none is refused.",
        on: "Of calls to one upstream so many are under way at a time; one more is refused at once.",
        payload: BulkheadLimit {
            max_calls: u32 = 256 in 1..=512, "Most calls to one upstream at a time, for each gateway.";
        }
    }

    /// Whether reads that failed on their way are tried again.
    GuardRetry guard_retry "guard.retry" {
        scope: Request, read_in: Gateway, equivalence: Equivalence::SameWhenHealthy, kind: Operational,
        default: true, owner: "gateway", end: None,
        off: "A read that fails has failed.",
        on: "A read whose way broke is tried again, elsewhere if there is another endpoint, as far as the budget of second attempts goes. Writes are not.",
        payload: RetryBudget {
            percent: u32 = 20 in 1..=100, "Second attempts for each hundred first ones that the budget allows.";
            attempts: u32 = 2 in 1..=5, "Most attempts after the first one.";
            pause_ms: u32 = 10 in 0..=1_000, "The longest pause before the second attempt, in milliseconds; it doubles with each further one.";
        }
    }

    /// Whether a slow read gets a second attempt beside it.
    GuardHedging guard_hedging "guard.hedging" {
        scope: Request, read_in: Gateway, equivalence: Equivalence::SameWhenHealthy, kind: Operational,
        default: false, owner: "gateway", end: None,
        off: "A read waits for the endpoint that it was sent to.",
        on: "A read that has no answer for so long is sent to another endpoint, too, and the first answer counts: while the upstream is well and half empty, as far as the budget of second attempts goes.",
        payload: Hedging {
            after_ms: u32 = 100 in 1..=10_000, "Milliseconds without an answer after which a second attempt goes.";
            percent: u32 = 5 in 1..=100, "Second attempts for each hundred first ones that the budget allows.";
        }
    }

    /// Whether endpoints are asked how they are.
    GuardHealthProbes guard_health_probes "guard.health-probes" {
        scope: Process, read_in: Gateway, equivalence: Equivalence::SameWhenHealthy, kind: Operational,
        default: true, owner: "gateway", end: None,
        off: "Endpoints are not asked how they are. One is left out only for a while after calls to it have failed. Services say that they serve without asking their store.",
        on: "Endpoints are asked again and again how they are. One that does not serve, or does not answer, is left out; when no endpoint of an upstream answers twice in a row, its breaker opens. Services say that they serve while their store answers.",
        payload: HealthProbes {
            interval_ms: u32 = 250 in 100..=60_000, "Milliseconds from an answer to the next question.";
            timeout_ms: u32 = 600 in 50..=10_000, "Milliseconds that an endpoint may take to answer.";
        }
    }

    /// Whether a call gives up soon when no connection to Postgres is free.
    GuardFastAcquire guard_fast_acquire "guard.fast-acquire" {
        scope: Request, read_in: Backend, equivalence: Equivalence::SameWhenHealthy, kind: Release,
        default: true, owner: "backend", end: Some("2027-12-31"),
        off: "While all connections to Postgres are taken, a call waits 10 s for one.",
        on: "While all connections to Postgres are taken, a call waits for one as long as `DB_ACQUIRE_TIMEOUT_SECS` says: 1 s.",
    }

    /// Whether calls are refused at once while Postgres does not answer.
    GuardDbBreaker guard_db_breaker "guard.db-breaker" {
        scope: Request, read_in: Backend, equivalence: Equivalence::SameWhenHealthy, kind: Operational,
        default: true, owner: "backend", end: None,
        off: "Calls pass through to Postgres whether it answers or not. They are counted all the same.",
        on: "While Postgres does not answer, calls are refused at once; one connection after each pause tries whether it is back.",
        payload: DbBreaker {
            failures: u32 = 20 in 1..=10_000, "Failures in the window that open the breaker, if their share is as high; slow calls likewise.";
            window_secs: u64 = 60 in 1..=120, "Seconds of the window.";
            failure_percent: u32 = 50 in 1..=100, "Share of failures that opens it, in percent.";
            consecutive: u32 = 0 in 0..=10_000, "Failures in a row that open it, whatever their share; 0: as many as `failures`.";
            slow_ms: u64 = 1_000 in 1..=60_000, "Milliseconds from which on a call is slow.";
            slow_percent: u32 = 100 in 1..=100, "Share of slow calls that opens it, in percent.";
            pause_ms: u64 = 1_000 in 100..=60_000, "Milliseconds before a connection tries.";
        }
    }

    /// Whether the backend forgets what is past its time.
    JobsSweep jobs_sweep "jobs.sweep" {
        scope: Process, read_in: Backend, equivalence: Equivalence::Same, kind: KillSwitch,
        default: true, owner: "backend", end: None,
        off: "Idempotency keys and delivered events stay in Postgres.",
        on: "Idempotency keys and delivered events that are older than 24 hours are deleted, once a minute.",
    }
}
