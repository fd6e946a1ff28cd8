//! What attackers have in common: a raw connection, and a count of how it went.

use std::{cell::RefCell, collections::BTreeMap, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout_at},
};

/// How long an attacker waits before it tries again where it was not let in.
pub(super) const PAUSE: Duration = Duration::from_millis(200);
/// What is read of an answer at most, in bytes.
const ANSWER: usize = 4096;

/// Whom attackers attack, and until when.
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) token: String,
    pub(super) end: Instant,
}

/// How it went, by what happened: `refused_503`, `cut`.
#[derive(Default)]
pub(super) struct Tally(RefCell<BTreeMap<String, u32>>);

impl Tally {
    pub(super) fn count(&self, what: impl Into<String>) {
        *self.0.borrow_mut().entry(what.into()).or_default() += 1;
    }

    pub(super) fn counts(&self) -> BTreeMap<String, u32> {
        self.0.borrow().clone()
    }
}

/// A connection of an attacker, until its attack ends.
pub(super) struct Attacker<'a> {
    stream: TcpStream,
    end: Instant,
    tally: &'a Tally,
}

impl<'a> Attacker<'a> {
    /// Connects; `None` when it can't, or when it is time to end.
    pub(super) async fn connect(target: &Target, tally: &'a Tally) -> Option<Self> {
        if let Ok(stream) = timeout_at(target.end, TcpStream::connect(target.address)).await.ok()? {
            tally.count("connected");
            return Some(Self { stream, end: target.end, tally });
        }
        tally.count("not_connected");
        sleep(PAUSE).await;
        None
    }

    /// Sends; `false` when the connection was ended under it, or it is time to end.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> bool {
        matches!(timeout_at(self.end, self.stream.write_all(bytes)).await, Ok(Ok(())))
    }

    /// Waits until the connection is ended, and counts that.
    pub(super) async fn cut(&mut self) {
        let mut ignored = [0; ANSWER];
        loop {
            match timeout_at(self.end, self.stream.read(&mut ignored)).await {
                Err(_) => return,
                Ok(Ok(0) | Err(_)) => return self.tally.count("cut"),
                Ok(Ok(_)) => {}
            }
        }
    }

    /// Waits for an answer, or the end of the connection, and counts it; `false` when nothing comes until `until`.
    pub(super) async fn answered(&mut self, until: Instant) -> bool {
        let mut answer = [0; ANSWER];
        let read = timeout_at(until.min(self.end), self.stream.read(&mut answer)).await;
        match read {
            Err(_) => return false,
            Ok(Ok(0) | Err(_)) => self.tally.count("cut"),
            Ok(Ok(length)) => match status(&answer[..length]) {
                Some(status) => self.tally.count(format!("answered_{status}")),
                None => self.tally.count("answered_otherwise"),
            },
        }
        true
    }
}

fn status(answer: &[u8]) -> Option<&str> {
    let status = answer.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(status).ok().filter(|status| status.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_status() {
        assert_eq!(status(b"HTTP/1.1 503 Service Unavailable\r\n"), Some("503"));
        for other in [&b""[..], b"HTTP/1.1 ", b"HTTP/1.1 50", b"nonsense"] {
            assert_eq!(status(other), None);
        }
    }
}
