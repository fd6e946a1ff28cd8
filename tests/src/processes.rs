//! Gateway and backend services as processes of their own, to be killed.
#![expect(clippy::unwrap_used, reason = "a test whose processes do not start has nothing to go on with")]

use std::{net::TcpListener, process::Stdio, time::Duration};

use http::Method;
use nova_cli::{clock::SystemClock, token::mint};
use nova_core::{
    UserId,
    token::{TokenSecret, TokenType},
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{interval, timeout},
};

use crate::{backend::id, client::Client};

/// Longest start of a process.
const START: Duration = Duration::from_secs(30);
/// Longer than any test, or bench, takes.
const TOKEN_TTL: Duration = Duration::from_hours(1);
/// Signs the tokens of these processes; the clock is the system's.
pub const TOKEN_SECRET: &str = "a secret for processes, and only that";

/// One process of `nova`, killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Where it listens.
    pub port: u16,
    /// Where its operator connects.
    admin: u16,
}

impl Process {
    /// Starts `nova backend` with one service, on `port` or a free one.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn backend(service: &str, database_url: &str, port: Option<u16>) -> Self {
        Self::backend_with(service, database_url, port, &[]).await
    }

    /// The same, with more settings.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn backend_with(
        services: &str,
        database_url: &str,
        port: Option<u16>,
        settings: &[(&str, &str)],
    ) -> Self {
        let (port, admin) = (port.unwrap_or_else(free_port), free_port());
        let mut command = nova("backend");
        command.env("NOVA_SERVICES", services).env("NOVA_BACKEND_LISTEN", format!("127.0.0.1:{port}"));
        command.env("NOVA_ADMIN_ADDR", format!("127.0.0.1:{admin}")).env("DATABASE_URL", database_url);
        set(&mut command, settings);
        let process = Self { child: command.spawn().unwrap(), port, admin };
        eventually(|| async { TcpStream::connect(("127.0.0.1", port)).await.is_ok() }).await;
        process
    }

    /// Starts `nova gateway` over these services.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn gateway(users: &Self, content: &Self, social: &Self) -> Self {
        let process = Self::gateway_with([&users.url(), &content.url(), &social.url()], &[]).await;
        let client = Client::new(&process.url());
        eventually(|| async { client.send(Method::GET, "/health/ready", "").await.status.is_success() }).await;
        process
    }

    /// Starts `nova gateway` over the services at these URLs (users, content, social), with more settings, and waits until
    /// it accepts connections.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn gateway_with(urls: [&str; 3], settings: &[(&str, &str)]) -> Self {
        Self::gateway_in(nova("gateway"), urls, settings).await
    }

    /// The same, after a shell has run `limits`: `ulimit -n 256`.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn gateway_under(limits: &str, urls: [&str; 3], settings: &[(&str, &str)]) -> Self {
        let mut shell = prepared(Command::new("sh"));
        shell.args(["-c", &format!("{limits} && exec \"$0\" gateway")]).arg(binary());
        Self::gateway_in(shell, urls, settings).await
    }

    async fn gateway_in(mut command: Command, urls: [&str; 3], settings: &[(&str, &str)]) -> Self {
        let (port, admin) = (free_port(), free_port());
        command.env("NOVA_LISTEN", format!("127.0.0.1:{port}")).env("NOVA_ADMIN_ADDR", format!("127.0.0.1:{admin}"));
        command.envs(["USERS_URL", "CONTENT_URL", "SOCIAL_URL"].into_iter().zip(urls));
        set(&mut command, settings);
        let process = Self { child: command.spawn().unwrap(), port, admin };
        eventually(|| async { TcpStream::connect(("127.0.0.1", port)).await.is_ok() }).await;
        process
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where the operator connects.
    #[must_use]
    pub fn admin_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.admin)
    }

    /// The first user of the world that tests have, at this gateway.
    ///
    /// # Panics
    /// Never, in practice: the token is plain.
    #[must_use]
    pub fn viewer(&self) -> Client {
        let secret = TokenSecret::new(TOKEN_SECRET).unwrap();
        let token = mint(&secret, &SystemClock, UserId(id(1)), TokenType::Access, "", TOKEN_TTL).unwrap();
        Client::new(&self.url()).bearing(&token)
    }

    /// Its process id.
    ///
    /// # Panics
    /// When it has ended.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// SIGSTOP: it keeps its connections, and says nothing, until [`go_on`](Self::go_on).
    ///
    /// # Panics
    /// When it has ended.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    ///
    /// # Panics
    /// When it has ended.
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// SIGKILL, and waits until it is gone.
    ///
    /// # Panics
    /// When it can't be killed.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }
}

/// What `nova COMMAND` says when it refuses to start with these settings.
///
/// # Panics
/// When it starts, or ends with another exit code than 78.
pub async fn refusal(command: &str, settings: &[(&str, &str)]) -> String {
    let mut nova = nova(command);
    nova.env("DATABASE_URL", "postgres://nobody@127.0.0.1/none").stderr(Stdio::piped());
    // Whatever else runs on this machine.
    for variable in ["NOVA_LISTEN", "NOVA_ADMIN_ADDR", "NOVA_BACKEND_LISTEN"] {
        nova.env(variable, "127.0.0.1:0");
    }
    set(&mut nova, settings);
    let output = timeout(START, nova.output()).await.unwrap().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{text}");
    text
}

/// Sets variables; one with an empty value is taken out instead.
fn set(command: &mut Command, settings: &[(&str, &str)]) {
    for (variable, value) in settings {
        if value.is_empty() {
            command.env_remove(variable)
        } else {
            command.env(variable, value)
        };
    }
}

fn binary() -> String {
    #[expect(clippy::disallowed_methods, reason = "the tests' composition root")]
    let Ok(binary) = std::env::var("NOVA_BIN") else { panic!("NOVA_BIN names no binary. Run `./nova test`") };
    binary
}

fn nova(command: &str) -> Command {
    let mut nova = prepared(Command::new(binary()));
    nova.arg(command);
    nova
}

fn prepared(mut nova: Command) -> Command {
    nova.env("NOVA_ENVIRONMENT", "development").env("NOVA_TOKEN_SECRET", TOKEN_SECRET).kill_on_drop(true);
    nova.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    nova
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until `condition` holds.
///
/// # Panics
/// When it does not within [`START`].
pub async fn eventually<F: Future<Output = bool>>(condition: impl Fn() -> F) {
    let wait = async {
        let mut tick = interval(Duration::from_millis(20));
        while !condition().await {
            tick.tick().await;
        }
    };
    timeout(START, wait).await.unwrap();
}
