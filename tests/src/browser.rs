//! Chromium without a window, driven over WebDriver: JSON over HTTP, spoken by Debian's chromedriver. It reaches what this
//! machine serves and nothing else, and keeps what the page logged and asked for, so that a test can look at it.
#![expect(clippy::unwrap_used, reason = "a test whose browser does not do what it is told has nothing to go on with")]

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use http::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::{Instant, interval, timeout},
};

use crate::client::Client;

/// Longest wait for anything to happen in the page.
const PATIENCE: Duration = Duration::from_secs(30);
/// Chromium's own business stays undone: it would only log that it reaches nobody. The sandbox needs rights that
/// containers and root don't give, and the pages are ours. The pipe ends the browser when its driver ends.
const ARGUMENTS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
    "--window-size=1400,900",
];

/// A key that has no character, as WebDriver writes it.
pub mod key {
    /// Held from here on, up to [`RELEASE`] or the end of the text.
    pub const CONTROL: char = '\u{E009}';
    /// Lets go of what is held.
    pub const RELEASE: char = '\u{E000}';
    /// Enter.
    pub const ENTER: char = '\u{E007}';
    /// Escape.
    pub const ESCAPE: char = '\u{E00C}';
}

/// A browser with one open page and an empty profile. Dropping it ends it.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    port: u16,
    /// `/session/ID`.
    session: String,
    _driver: Child,
    /// Kept open: the driver may write.
    _output: Lines<BufReader<ChildStdout>>,
    _home: Home,
}

impl Browser {
    /// Starts a browser.
    ///
    /// # Panics
    /// When there is none, with what to install.
    pub async fn open() -> Self {
        let home = Home::new();
        let mut command = Command::new("chromedriver");
        // Profile, caches and crash reports go there, and go with it.
        command.arg("--port=0").env("HOME", &home.0).env("TMPDIR", &home.0);
        command.env_remove("XDG_CONFIG_HOME").env_remove("XDG_CACHE_HOME");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut driver = command
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver: {error}. As root: apt-get install chromium chromium-driver"));
        let mut output = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = timeout(PATIENCE, port(&mut output)).await.unwrap();
        let client = Client::new(&format!("http://127.0.0.1:{port}"));
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": ARGUMENTS },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        }}});
        let created = command_to(&client, Method::POST, "/session", &wanted)
            .await
            .unwrap_or_else(|error| panic!("no browser: {error}. As root: apt-get install chromium chromium-driver"));
        let session = format!("/session/{}", created["sessionId"].as_str().unwrap());
        Self { client, port, session, _driver: driver, _output: output, _home: home }
    }

    /// Opens `url` and waits until it is loaded.
    ///
    /// # Panics
    /// When it can't be.
    pub async fn visit(&self, url: &str) {
        self.command("/url", &json!({ "url": url })).await.unwrap();
    }

    /// Loads the page once more.
    ///
    /// # Panics
    /// When it can't be.
    pub async fn reload(&self) {
        self.command("/refresh", &json!({})).await.unwrap();
    }

    /// What `script`, the body of a function, returns in the page.
    ///
    /// # Panics
    /// When it throws.
    pub async fn run(&self, script: &str) -> Value {
        self.command("/execute/sync", &json!({ "script": script, "args": [] })).await.unwrap()
    }

    /// Waits until `script` returns something other than null, false and the empty text, and returns that.
    ///
    /// # Panics
    /// When it does not in time, with what the page shows.
    pub async fn until(&self, script: &str) -> Value {
        let patience = Instant::now() + PATIENCE;
        let mut tick = interval(Duration::from_millis(50));
        loop {
            tick.tick().await;
            let value = self.run(script).await;
            if !matches!(value, Value::Null | Value::Bool(false)) && value != "" {
                return value;
            }
            if Instant::now() > patience {
                let page = self.run("return document.body.innerText").await;
                panic!("not seen: {script}\nlogged: {:#?}\nin {page:#}", self.logged().await);
            }
        }
    }

    /// Waits for what `css` selects and clicks on it.
    ///
    /// # Panics
    /// When there is nothing of the kind to click on.
    pub async fn click(&self, css: &str) {
        self.until(&format!("return document.querySelector({css:?}) !== null")).await;
        let found = self.command("/element", &json!({ "using": "css selector", "value": css })).await.unwrap();
        self.command(&format!("/element/{}/click", element(&found)), &json!({})).await.unwrap();
    }

    /// Types where the cursor is; [`key`] has what is no character.
    ///
    /// # Panics
    /// When nothing there takes text.
    pub async fn type_text(&self, text: &str) {
        let path = format!("{}/element/active", self.session);
        let active = command_to(&self.client, Method::GET, &path, &Value::Null).await.unwrap();
        self.command(&format!("/element/{}/value", element(&active)), &json!({ "text": text })).await.unwrap();
    }

    /// What the page wrote to the console since the last look, violations of its policy and failed requests among it.
    ///
    /// # Panics
    /// When the browser does not say.
    pub async fn logged(&self) -> Vec<String> {
        let lines = self.command("/se/log", &json!({ "type": "browser" })).await.unwrap();
        lines.as_array().unwrap().iter().map(|line| format!("{} {}", line["level"], line["message"])).collect()
    }

    /// The address of each request since the last look, whoever made it: page, script, style.
    ///
    /// # Panics
    /// When the browser does not say.
    pub async fn requested(&self) -> Vec<String> {
        let lines = self.command("/se/log", &json!({ "type": "performance" })).await.unwrap();
        let events = lines.as_array().unwrap().iter().map(|line| {
            let event: Value = serde_json::from_str(line["message"].as_str().unwrap()).unwrap();
            event["message"].clone()
        });
        events
            .filter(|event| event["method"] == "Network.requestWillBeSent")
            .map(|event| event["params"]["request"]["url"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn command(&self, path: &str, body: &Value) -> Result<Value, String> {
        command_to(&self.client, Method::POST, &format!("{}{path}", self.session), body).await
    }
}

impl Drop for Browser {
    /// In order, and waiting for it: a browser that is still there would go on writing to its directory.
    fn drop(&mut self) {
        let request = format!("DELETE {} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", self.session);
        let _ = TcpStream::connect(("127.0.0.1", self.port)).and_then(|mut driver| {
            driver.set_read_timeout(Some(PATIENCE))?;
            driver.write_all(request.as_bytes())?;
            driver.read(&mut [0; 64]) // It answers when the browser is gone, and keeps the connection.
        });
    }
}

/// Sends a command; its value, or what was wrong.
async fn command_to(client: &Client, method: Method, path: &str, body: &Value) -> Result<Value, String> {
    let body = if method == Method::GET { String::new() } else { body.to_string() };
    let reply = timeout(PATIENCE * 2, client.send(method, path, body)).await.map_err(|error| error.to_string())?;
    let value = reply.json()["value"].take();
    if reply.status.is_success() { Ok(value) } else { Err(format!("{}: {}", value["error"], value["message"])) }
}

/// The name of an element, which WebDriver keeps under a key of its own.
fn element(found: &Value) -> &str {
    found["element-6066-11e4-a52e-4f735466cecf"].as_str().unwrap()
}

async fn port(output: &mut Lines<BufReader<ChildStdout>>) -> u16 {
    while let Some(line) = output.next_line().await.unwrap() {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return port.trim_end_matches('.').parse().unwrap();
        }
    }
    panic!("chromedriver ended before it listened")
}

/// A directory for all that a browser writes.
#[derive(Debug)]
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("nova-browser-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
