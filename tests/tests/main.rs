//! The end-to-end tests: one file per feature, one program for all, since linking is most of what building them takes. Under
//! nextest each test runs in a process of its own all the same.

mod admin;
mod atomic_writes;
mod backend_content;
mod backend_social;
mod backend_users;
mod bad_input;
mod browser;
mod cli_up;
mod clients_guide;
mod connections;
mod dead_services;
mod deadlines;
mod debug_view;
mod directions;
mod documents;
mod equal_operations;
mod equal_sides;
mod error_codes;
mod feed;
mod flags;
mod graphiql;
mod grpc_tls;
mod idempotency;
mod identity;
mod migrations;
mod mutations;
mod pages;
mod policies;
mod schema_check;
mod seed;
mod seed_edges;
mod unleash;
mod unleash_flags;
mod unleash_flags_cli;
mod upstream_calls;
