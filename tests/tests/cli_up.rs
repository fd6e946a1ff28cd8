//! `nova up` and its opposite: what a developer meets on their own machine, with the real binary and real servers.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on ends")]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use serde_json::Value;

/// A directory of our own, and whatever runs in it; nothing of either is left.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nova-cli-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    fn nova(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("nova runs")
    }

    /// `nova` with `--data`, on a free port and with few users where it is `up`.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).arg("--data").arg(self.data()).stdin(Stdio::null()).env_remove("DATABASE_URL");
        if arguments[0] == "up" {
            command.args(["--users", "50"]);
            if !arguments.contains(&"--port") {
                command.args(["--port", "0"]);
            }
        }
        command
    }

    fn run_file(&self) -> Value {
        serde_json::from_slice(&fs::read(self.data().join("run.json")).unwrap()).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.nova(&["clean"]);
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests' composition root")]
fn binary() -> String {
    std::env::var("NOVA_BIN").expect("NOVA_BIN names no binary. Run `./nova test`")
}

fn ok(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refusal(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Waits until a process has ended with all its threads, be it that nobody has taken note of it yet.
fn await_end(pid: &Value) {
    for _ in 0..1000 {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
        match fs::read_to_string(format!("/proc/{pid}/stat")) {
            // The first thread can be gone while others still hold files.
            Ok(text) if !text.contains(") Z ") || threads > 1 => std::thread::sleep(Duration::from_millis(20)),
            _ => return,
        }
    }
    panic!("process {pid} still runs");
}

/// Runs the printed `curl`, as the person who reads it would.
fn try_it(printed: &str) -> Value {
    let curl = printed.lines().find_map(|line| line.strip_prefix("try ")).expect("a command to try");
    let output = Command::new("sh").args(["-c", curl]).output().unwrap();
    serde_json::from_slice(&output.stdout).expect("an answer in JSON")
}

#[test]
fn what_it_prints_answers_and_nothing_is_left_behind() {
    let place = Place::new("answers");
    let printed = ok(&place.nova(&["up", "--detach"]));
    let answer = try_it(&printed);
    assert!(!answer["data"]["feed"]["nodes"].as_array().unwrap().is_empty(), "{answer}");

    let run_file = place.run_file();
    let token = run_file["token"].as_str().unwrap();
    let page = format!("{}/graphql#token={token}", run_file["url"].as_str().unwrap());
    assert!(printed.lines().any(|line| line == format!("in browser  {page}")), "{printed}");
    let page = Command::new("curl").args(["-sH", "accept: text/html", &page]).output().unwrap();
    assert!(ok(&page).starts_with("<!doctype html>"), "{page:?}");
    let mode = fs::metadata(place.data().join("run.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds tokens");
    for name in ["url", "admin_url", "token", "debug_token", "database_url"] {
        assert!(run_file[name].as_str().is_some_and(|text| !text.is_empty()), "{name}");
    }

    let second = place.nova(&["up"]);
    assert_eq!(try_it(&ok(&second)), answer, "a second one says what runs");
    assert_eq!(place.run_file(), run_file, "and starts nothing");

    assert_eq!(ok(&place.nova(&["down"])), "stopped\n");
    await_end(&run_file["pids"]["nova"]);
    await_end(&run_file["pids"]["postgres"]);
    assert_eq!(ok(&place.nova(&["down"])), "nothing runs\n");

    fs::write(place.data().join("mine.txt"), "not nova's").unwrap();
    ok(&place.nova(&["clean"]));
    let left: Vec<_> = fs::read_dir(place.data()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["mine.txt"]);
}

#[test]
fn full_starts_unleash_too_and_says_how_to_log_in() {
    let place = Place::new("full");
    let printed = ok(&place.nova(&["up", "--full", "--detach"]));
    let run_file = place.run_file();
    let [url, user, password] =
        ["unleash_url", "unleash_user", "unleash_password"].map(|name| run_file[name].as_str().unwrap());
    let line = format!("unleash     {url}  (user {user}, password {password})");
    assert!(printed.lines().any(|printed| printed == line), "{printed}");

    let login = format!(r#"{{"username":"{user}","password":"{password}"}}"#);
    let mut curl = Command::new("curl");
    curl.args(["-sf", &format!("{url}/auth/simple/login"), "-H", "content-type: application/json", "-d", &login]);
    let who: Value = serde_json::from_str(&ok(&curl.output().unwrap())).unwrap();
    assert_eq!(who["username"], user);

    let secret = place.data().join("unleash.secret");
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = fs::read_to_string(secret).unwrap();
    let log = fs::read_to_string(place.data().join("nova.log")).unwrap();
    assert!(!log.contains(&secret[..16]) && !printed.contains(&secret[..16]), "tokens are in no log");
    let pids = &run_file["pids"];
    for program in ["unleash", "nova"] {
        let arguments = fs::read(format!("/proc/{}/cmdline", pids[program])).unwrap();
        assert!(!String::from_utf8_lossy(&arguments).contains(&secret[..16]), "nor among arguments");
    }

    assert!(ok(&place.nova(&["up", "--full"])).contains(&line), "a second one says the same");
    assert_eq!(ok(&place.nova(&["down"])), "stopped\n");
    for program in ["unleash", "postgres"] {
        await_end(&pids[program]);
    }
}

#[test]
fn a_token_is_for_a_user_who_is_there() {
    let place = Place::new("token");
    assert!(refusal(&place.nova(&["token", "--user", "anybody"]), 69).contains("nova up"));
    ok(&place.nova(&["up", "--detach"]));
    let user = place.run_file()["user"].as_str().unwrap().to_uppercase();
    let printed = ok(&place.nova(&["token", "--user", &user, "--scope", "debug"]));
    assert_eq!(printed.trim().split('.').count(), 3, "the token alone: {printed}");
    assert!(refusal(&place.nova(&["token", "--user", "no such user"]), 67).contains("no such user"));
}

#[test]
fn a_taken_port_is_told_with_the_way_out() {
    let place = Place::new("port");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for detach in [&["up", "--port", &port][..], &["up", "--detach", "--port", &port]] {
        let text = refusal(&place.nova(detach), 69);
        assert!(text.contains(&port) && text.contains("--port"), "{text}");
    }
}

#[test]
fn a_directory_with_other_files_is_left_alone() {
    let place = Place::new("foreign");
    fs::create_dir_all(place.data()).unwrap();
    fs::write(place.data().join("mine.txt"), "not nova's").unwrap();
    assert!(refusal(&place.nova(&["up"]), 64).contains("--data"));
    assert!(ok(&place.nova(&["clean"])).starts_with("nothing to remove"));
    assert!(place.data().join("mine.txt").exists());
}

#[test]
fn a_killed_nova_takes_its_servers_with_it_and_the_next_one_goes_on() {
    let place = Place::new("killed");
    let answer = try_it(&ok(&place.nova(&["up", "--detach"])));
    let pids = place.run_file()["pids"].clone();
    kill("-KILL", &pids["nova"].to_string());
    await_end(&pids["postgres"]);
    assert!(place.data().join("run.json").exists(), "nobody could remove it");
    assert_eq!(try_it(&ok(&place.nova(&["up", "--detach"]))), answer, "the same data");
}

#[test]
fn a_server_whose_supervisor_was_killed_too_is_found_and_stopped() {
    let place = Place::new("orphan");
    ok(&place.nova(&["up", "--detach"]));
    let pids = place.run_file()["pids"].clone();
    let status = fs::read_to_string(format!("/proc/{}/status", pids["postgres"])).unwrap();
    let supervisor = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().to_owned();
    kill("-KILL", &supervisor);
    kill("-KILL", &pids["nova"].to_string());
    await_end(&pids["nova"]);
    ok(&place.nova(&["up", "--detach"]));
    await_end(&pids["postgres"]);
}

#[test]
fn a_start_that_was_killed_at_any_step_is_taken_up_again() {
    let place = Place::new("steps");
    for step in ["starting PostgreSQL", "answers", "migration 0001", "seed: users", "seed: statistics"] {
        let mut child = place.command(&["up"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains(step)), "no such step: {step}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let answer = try_it(&ok(&place.nova(&["up", "--detach"])));
    assert!(!answer["data"]["feed"]["nodes"].as_array().unwrap().is_empty(), "{answer}");
}

#[test]
fn an_interrupt_ends_all_of_it_in_order() {
    let place = Place::new("interrupt");
    let mut child = place.command(&["up"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("end ")), "it comes up");
    let postgres = place.run_file()["pids"]["postgres"].clone();
    interrupt(&child);
    assert!(child.wait().unwrap().success());
    // Stopped before nova ended, not after it.
    assert!(!Path::new(&format!("/proc/{postgres}/cwd")).exists());
    assert!(!place.data().join("run.json").exists());
}

#[test]
fn root_may_keep_its_checkout_where_others_cannot_enter() {
    let place = Place::new("private");
    fs::set_permissions(&place.0, fs::Permissions::from_mode(0o700)).unwrap();
    let answer = try_it(&ok(&place.nova(&["up", "--detach"])));
    assert!(answer["data"]["feed"].is_object(), "{answer}");
    let home = fs::read_to_string(place.data().join("home")).map(PathBuf::from);
    ok(&place.nova(&["clean"]));
    // An ordinary user's servers run as that user, who can enter.
    assert!(home.is_ok_and(|home| !home.exists()) || !place.data().exists());
}

#[test]
fn gateway_and_backend_talk_on_this_machine_only() {
    let secret = "0123456789abcdef0123456789abcdef";
    for (arguments, name) in [
        (&["gateway", "--users-url", "http://10.0.0.1:9190"][..], "USERS_URL"),
        (
            &["backend", "--listen", "0.0.0.0:0", "--database-url", "postgres://nobody@127.0.0.1/none"],
            "NOVA_BACKEND_LISTEN",
        ),
    ] {
        let mut command = Command::new(binary());
        let output = command
            .args(arguments)
            .env("NOVA_ENVIRONMENT", "development")
            .env("NOVA_TOKEN_SECRET", secret)
            .output()
            .unwrap();
        let text = refusal(&output, 78);
        assert!(text.contains(name) && !text.contains(secret), "{text}");
    }
}

fn interrupt(child: &Child) {
    kill("-INT", &child.id().to_string());
}

fn kill(signal: &str, pid: &str) {
    assert!(Command::new("kill").args([signal, pid]).status().unwrap().success(), "kill {signal} {pid}");
}
