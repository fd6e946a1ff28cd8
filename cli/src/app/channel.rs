//! The ways from the gateway to the services: straight into this process, or over TCP to another process: in the clear on this
//! machine, over mutual TLS anywhere.

use std::time::Duration;

use nova_core::is_loopback;
use nova_loaders::{Way, Ways};
use tonic::{
    service::Routes,
    transport::{ClientTlsConfig, Endpoint},
};

use crate::{chain, failure::Failure};

/// Flow-control window of a stream and of a connection, in bytes: a page of posts fits in one.
const WINDOWS: (u32, u32) = (1024 * 1024, 4 * 1024 * 1024);

/// Ways into `routes`, which are all three services in this process. A call is a call: its messages are written and read as
/// between processes, and no connection lies between (`docs/decisions/calls-in-process.md`).
#[must_use]
pub fn in_process(routes: &Routes) -> Ways {
    let way = || vec![("in this process".to_owned(), Way::new(routes.clone()))];
    Ways { users: way(), content: way(), social: way() }
}

/// The ways to all endpoints of a service, at the addresses `urls`. `variable` is where they come from.
///
/// # Errors
/// [`Failure::Config`] for what is no address, for one of another machine without TLS, and for none at all.
pub fn all_remote(
    variable: &str,
    urls: &[String],
    tls: Option<&ClientTlsConfig>,
) -> Result<Vec<(String, Way)>, Failure> {
    if urls.is_empty() {
        return Err(Failure::Config(format!("{variable}: not one address")));
    }
    urls.iter().map(|url| Ok((url.clone(), remote(variable, url, tls.cloned())?))).collect()
}

/// The way to a service at `url`, connected when it is first used and again whenever it breaks. `variable` is where `url`
/// comes from; with `tls` it is spoken to over TLS.
///
/// # Errors
/// [`Failure::Config`] for what is no address, or one of another machine without TLS.
pub fn remote(variable: &str, url: &str, tls: Option<ClientTlsConfig>) -> Result<Way, Failure> {
    let wrong = |why: &str| Failure::Config(format!("{variable}: {url}: {why}"));
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|error| {
        Failure::Config(format!("{variable}: {url:?}: {}; an example: http://127.0.0.1:9190", chain(&error)))
    })?;
    let endpoint = match (endpoint.uri().scheme_str(), tls) {
        (Some("https"), Some(tls)) => endpoint.tls_config(tls).map_err(|error| wrong(&chain(&error)))?,
        (Some("http"), None) if endpoint.uri().host().is_some_and(is_loopback) => endpoint,
        (_, Some(_)) => return Err(wrong("with GRPC_TLS_* set, services are at https://HOST:PORT")),
        (_, None) => return Err(wrong(NOT_LOOPBACK)),
    };
    let endpoint = tuned(endpoint).connect_timeout(Duration::from_secs(1)).tcp_nodelay(true);
    // A connection on which nothing comes back ends within two seconds, and with it every call that waits there.
    Ok(endpoint
        .http2_keep_alive_interval(Duration::from_secs(1))
        .keep_alive_timeout(Duration::from_secs(1))
        .keep_alive_while_idle(true)
        .connect_lazy()
        .into())
}

/// Why only this machine: what travels there is not encrypted, and nobody shows who they are.
pub(crate) const NOT_LOOPBACK: &str = "without mutual TLS gateway and backend talk over the loopback interface only (http://127.0.0.1:PORT); for other machines set GRPC_TLS_CERT, GRPC_TLS_KEY and GRPC_TLS_CA in both";

fn tuned(endpoint: Endpoint) -> Endpoint {
    endpoint.initial_stream_window_size(WINDOWS.0).initial_connection_window_size(WINDOWS.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_this_machine_is_connected_to() {
        for good in ["http://127.0.0.1:9190", "http://localhost:1", "http://[::1]:9190", "http://127.8.8.8:1"] {
            assert!(remote("USERS_URL", good, None).is_ok(), "{good}");
        }
        for bad in [
            "http://10.0.0.1:9190",
            "http://users.example:9190",
            "http://[::]:1",
            "https://127.0.0.1:1",
            "127.0.0.1:1",
            "",
        ] {
            let failure = remote("USERS_URL", bad, None).unwrap_err();
            assert!(failure.to_string().starts_with("USERS_URL"), "{failure}");
            assert_eq!(failure.exit_code(), 78);
        }
    }

    #[tokio::test]
    async fn with_tls_nobody_is_spoken_to_in_the_clear() {
        let with = |url| remote("USERS_URL", url, Some(ClientTlsConfig::new()));
        assert!(with("https://users.example:9190").is_ok());
        for bad in ["http://users.example:9190", "http://127.0.0.1:9190"] {
            assert!(with(bad).unwrap_err().to_string().contains("https://"), "{bad}");
        }
    }
}
