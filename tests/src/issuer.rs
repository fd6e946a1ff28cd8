//! An identity provider's key endpoint, over real HTTP, that does whatever a test wants it to do wrong.
#![expect(clippy::unwrap_used, reason = "a test without its issuer has nothing to go on with")]

use std::{
    future::pending,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
    serve::Listener,
};
use parking_lot::Mutex;
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
    server::TlsStream,
};

use crate::{authority::Papers, signer::Signer};

/// What the issuer answers.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// These bytes.
    Says(Bytes),
    /// This status, and nothing useful.
    Fails(u16),
    /// Nothing, and keeps the connection.
    Hangs,
    /// More and more.
    Floods,
}

#[derive(Debug)]
struct Shared {
    behaviour: Mutex<Behaviour>,
    requests: AtomicU32,
}

/// The endpoint. It ends with its holder.
#[derive(Debug)]
pub struct Issuer {
    /// Where its keys are.
    pub url: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    served: Option<JoinHandle<()>>,
}

impl Issuer {
    /// Publishes the keys of `signers`.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn publishing(signers: &[&Signer]) -> Self {
        let mut issuer = Self::away().await;
        issuer.publish(signers);
        issuer.come_back().await;
        issuer
    }

    /// Publishes the keys of `signers` over TLS, and shows these papers.
    ///
    /// # Panics
    /// When there is no port, or the papers are no good.
    pub async fn over_tls(signers: &[&Signer], papers: &Papers) -> Self {
        let mut issuer = Self::away().await;
        issuer.publish(signers);
        issuer.url = issuer.url.replace("http:", "https:");
        let key = PrivateKeyDer::from_pem_slice(papers.key.as_bytes()).unwrap();
        let certificate = CertificateDer::from_pem_slice(papers.certificate.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate], key).unwrap()));
        let listener = Tls { tcp: TcpListener::bind(issuer.address).await.unwrap(), acceptor };
        let router = issuer.router();
        issuer.served = Some(tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }));
        issuer
    }

    fn router(&self) -> Router {
        Router::new().route("/keys", get(answer)).with_state(Arc::clone(&self.shared))
    }

    /// Has an address, and is not there.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn away() -> Self {
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let shared = Shared { behaviour: Mutex::new(Behaviour::Hangs), requests: AtomicU32::new(0) };
        Self { url: format!("http://{address}/keys"), address, shared: Arc::new(shared), served: None }
    }

    /// From now on it publishes these keys.
    pub fn publish(&self, signers: &[&Signer]) {
        let keys: Vec<_> = signers.iter().map(|signer| signer.jwk()).collect();
        self.behave(Behaviour::Says(json!({ "keys": keys }).to_string().into()));
    }

    /// From now on it answers like this.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock() = behaviour;
    }

    /// How often it was asked.
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Nobody listens any more.
    pub async fn go_away(&mut self) {
        if let Some(served) = self.served.take() {
            served.abort();
            let _ = served.await;
        }
    }

    /// Listens again, at the same address.
    ///
    /// # Panics
    /// When somebody else does.
    pub async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let router = self.router();
        self.served = Some(tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }));
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        if let Some(served) = &self.served {
            served.abort();
        }
    }
}

/// Accepts connections over TLS; what is no handshake is dropped.
struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.tcp.accept().await.unwrap();
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

async fn answer(State(shared): State<Arc<Shared>>) -> Response {
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let behaviour = shared.behaviour.lock().clone();
    match behaviour {
        Behaviour::Says(body) => body.into_response(),
        Behaviour::Fails(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Behaviour::Hangs => pending().await,
        Behaviour::Floods => {
            let more = Ok::<_, std::convert::Infallible>(Bytes::from_static(&[b' '; 8 * 1024]));
            Body::from_stream(futures_util::stream::repeat(more)).into_response()
        }
    }
}
