//! A lean HTTP/1.1 client: keep-alive connections, each with one request at a time.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use nova_cli::failure::Failure;
use tokio::{net::TcpStream, time::timeout};

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// One request, and how a right answer to it begins. Errors stand first in an answer, so that none of them begins so.
pub(crate) struct Ask {
    /// Which of its scenario's kinds.
    pub(crate) kind: usize,
    pub(crate) authorization: HeaderValue,
    pub(crate) body: Bytes,
    pub(crate) begins: Bytes,
    /// Whether it asks for the debug view.
    pub(crate) debug: bool,
}

impl Ask {
    /// Whether `answer` is one to this request.
    pub(crate) fn is_answered_by(&self, answer: &[u8]) -> bool {
        answer.starts_with(&self.begins)
    }
}

/// What `Authorization` says of each token's owner.
pub(crate) fn bearers(tokens: &[String]) -> Result<Vec<HeaderValue>, Failure> {
    let bearer = |token: &String| HeaderValue::from_str(&format!("Bearer {token}"));
    tokens.iter().map(bearer).collect::<Result<_, _>>().map_err(|error| Failure::Internal(error.to_string()))
}

/// Asks one server.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    address: SocketAddr,
    host: HeaderValue,
}

/// A connection, while it holds.
pub(crate) type Connection = Option<SendRequest<Full<Bytes>>>;

impl Client {
    pub(crate) fn new(name: &'static str, address: SocketAddr) -> Result<Self, Failure> {
        let host = HeaderValue::from_str(&address.to_string()).map_err(|error| Failure::Internal(error.to_string()))?;
        Ok(Self { name, address, host })
    }

    /// The answer to one request, on a connection of its own.
    pub(crate) async fn ask_once(&self, ask: &Ask) -> Result<Bytes, Failure> {
        let answer = self.ask(&mut self.connect().await, ask).await;
        answer.ok_or_else(|| Failure::Unavailable(format!("{} does not answer", self.name)))
    }

    pub(crate) async fn connect(&self) -> Connection {
        let stream = timeout(PATIENCE, TcpStream::connect(self.address)).await.ok()?.ok()?;
        stream.set_nodelay(true).ok()?;
        let (sender, connection) = timeout(PATIENCE, handshake(TokioIo::new(stream))).await.ok()?.ok()?;
        tokio::spawn(connection);
        Some(sender)
    }

    /// The body of an answer with status 200.
    pub(crate) async fn ask(&self, connection: &mut Connection, ask: &Ask) -> Option<Bytes> {
        let sender = connection.as_mut()?;
        let debug = HeaderValue::from_static(if ask.debug { "1" } else { "0" });
        let request = Request::post("/graphql")
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(AUTHORIZATION, &ask.authorization)
            .header("x-nova-debug", debug)
            .body(Full::new(ask.body.clone()))
            .ok()?;
        let answer = async {
            sender.ready().await?;
            let response = sender.send_request(request).await?;
            Ok::<_, hyper::Error>((response.status(), response.into_body().collect().await?.to_bytes()))
        };
        let (status, body) = timeout(PATIENCE, answer).await.ok()?.ok()?;
        (status == StatusCode::OK).then_some(body)
    }
}
