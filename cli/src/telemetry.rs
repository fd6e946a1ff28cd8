//! Logs: to stderr, readable on a terminal and JSON elsewhere, filtered by `NOVA_LOG`.

use std::io::IsTerminal as _;

use tracing_subscriber::{Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::failure::Failure;

/// Starts logging. `filter` reads like `info,nova_gateway=debug`.
///
/// # Errors
/// [`Failure::Config`] when the filter can't be read.
pub fn start(filter: &str) -> Result<(), Failure> {
    let targets: Targets =
        filter.parse().map_err(|error| Failure::Config(format!("NOVA_LOG: {error}; an example: info,sqlx=warn")))?;
    let layer = if std::io::stderr().is_terminal() {
        fmt::layer().with_writer(std::io::stderr).boxed()
    } else {
        fmt::layer().json().with_writer(std::io::stderr).boxed()
    };
    // A second start in one process (tests) keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
    Ok(())
}
