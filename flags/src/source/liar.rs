//! A server that does whatever a test wants it to do wrong, over real TCP.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::sleep,
};

/// What it does with a request.
#[derive(Clone)]
pub(super) enum Reply {
    /// Status, further headers (each with its line end), and the body.
    Says(u16, &'static str, String),
    /// Says that so many bytes follow, and sends none.
    Announces(u64),
    /// Sends more and more, in chunks.
    Floods,
    /// One byte a second.
    Drips,
    /// Nothing, and keeps the connection.
    Hangs,
    /// Nothing, and closes the connection.
    Closes,
}

#[derive(Default)]
struct Shared {
    reply: Mutex<Option<Reply>>,
    requests: Mutex<Vec<String>>,
    connections: Mutex<usize>,
}

/// The server. It ends with its holder.
pub(super) struct Liar {
    pub(super) url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Liar {
    pub(super) async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *serving.connections.lock() += 1;
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        let liar = Self { url, shared, task };
        liar.set(reply);
        liar
    }

    pub(super) fn set(&self, reply: Reply) {
        *self.shared.reply.lock() = Some(reply);
    }

    /// All requests, with head and body, the names of headers in small letters.
    pub(super) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().clone()
    }

    pub(super) fn connections(&self) -> usize {
        *self.shared.connections.lock()
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An address where nobody listens.
pub(super) async fn nowhere() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap())
}

/// Serves one connection until one of both has enough.
async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    while let Some(request) = read_request(&mut stream).await {
        shared.requests.lock().push(request);
        let reply = shared.reply.lock().clone().unwrap();
        if act(&mut stream, reply).await.is_err() {
            return;
        }
    }
}

async fn act(stream: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    match reply {
        Reply::Says(status, headers, body) => {
            let length = if status == 304 { String::new() } else { format!("content-length: {}\r\n", body.len()) };
            stream.write_all(format!("HTTP/1.1 {status} X\r\n{headers}{length}\r\n{body}").as_bytes()).await
        }
        Reply::Announces(bytes) => {
            stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n").as_bytes()).await?;
            std::future::pending().await
        }
        Reply::Floods => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            let chunk = [&b"10000\r\n"[..], &vec![b' '; 0x10000], b"\r\n"].concat();
            loop {
                stream.write_all(&chunk).await?;
            }
        }
        Reply::Drips => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n").await?;
            loop {
                stream.write_all(b" ").await?;
                sleep(Duration::from_secs(1)).await;
            }
        }
        Reply::Hangs => std::future::pending().await,
        Reply::Closes => Err(std::io::ErrorKind::Other.into()),
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(format!("{head}\r\n\r\n{body}"));
            }
        }
        match stream.read(&mut buffer).await {
            Ok(read @ 1..) => text.push_str(std::str::from_utf8(&buffer[..read]).unwrap()),
            _ => return None,
        }
    }
}
