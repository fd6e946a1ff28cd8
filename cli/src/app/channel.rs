//! The ways from the gateway to the services: through memory, or over TCP to a process on this machine.

use std::{io, net::IpAddr, time::Duration};

use futures_util::{Stream, StreamExt as _};
use http::Uri;
use hyper_util::rt::TokioIo;
use nova_loaders::Upstreams;
use tokio::{io::DuplexStream, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

use crate::{chain, failure::Failure};

/// Bytes that one direction of a connection through memory holds.
const BUFFER: usize = 256 * 1024;
/// Flow-control window of a stream and of a connection, in bytes: a page of posts fits in one.
const WINDOWS: (u32, u32) = (1024 * 1024, 4 * 1024 * 1024);

/// The backend's ends of the connections that the gateway opens.
pub trait Incoming: Stream<Item = io::Result<DuplexStream>> + Send + 'static {}
impl<S: Stream<Item = io::Result<DuplexStream>> + Send + 'static> Incoming for S {}

/// Ways through memory, a connection for each service, and where they come out.
#[must_use]
pub fn in_memory() -> (Upstreams, impl Incoming) {
    let (sender, receiver) = mpsc::channel(8);
    let way = || {
        let sender = sender.clone();
        tuned(Endpoint::from_static("http://backend.memory")).connect_with_connector_lazy(tower::service_fn(
            move |_: Uri| {
                let sender = sender.clone();
                async move {
                    let (ours, theirs) = tokio::io::duplex(BUFFER);
                    sender.send(theirs).await.map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
                    Ok::<_, io::Error>(TokioIo::new(ours))
                }
            },
        ))
    };
    (Upstreams { users: way(), content: way(), social: way() }, ReceiverStream::new(receiver).map(Ok))
}

/// The way to a service at `url`, connected when it is first used and again whenever it breaks. `variable` is where `url`
/// comes from.
///
/// # Errors
/// [`Failure::Config`] for what is no address, or one of another machine.
pub fn remote(variable: &str, url: &str) -> Result<Channel, Failure> {
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|error| {
        Failure::Config(format!("{variable}: {url:?}: {}; an example: http://127.0.0.1:9190", chain(&error)))
    })?;
    if !endpoint.uri().host().is_some_and(is_loopback) || endpoint.uri().scheme_str() != Some("http") {
        return Err(Failure::Config(format!("{variable}: {url}: {NOT_LOOPBACK}")));
    }
    let endpoint = tuned(endpoint).connect_timeout(Duration::from_secs(1)).tcp_nodelay(true);
    Ok(endpoint
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true)
        .connect_lazy())
}

/// Why only this machine: what travels there is not encrypted.
pub(crate) const NOT_LOOPBACK: &str = "gateway and backend talk over the loopback interface only (http://127.0.0.1:PORT), as long as there is no mutual TLS between them";

fn tuned(endpoint: Endpoint) -> Endpoint {
    endpoint.initial_stream_window_size(WINDOWS.0).initial_connection_window_size(WINDOWS.1)
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_this_machine_is_connected_to() {
        for good in ["http://127.0.0.1:9190", "http://localhost:1", "http://[::1]:9190", "http://127.8.8.8:1"] {
            assert!(remote("USERS_URL", good).is_ok(), "{good}");
        }
        for bad in [
            "http://10.0.0.1:9190",
            "http://users.example:9190",
            "http://[::]:1",
            "https://127.0.0.1:1",
            "127.0.0.1:1",
            "",
        ] {
            let failure = remote("USERS_URL", bad).unwrap_err();
            assert!(failure.to_string().starts_with("USERS_URL"), "{failure}");
            assert_eq!(failure.exit_code(), 78);
        }
    }
}
