//! `docs/clients.md` is true: each of its examples is run, in the order of the page, and answers what the page says.
//!
//! In an expected answer `"…"` is any value. `"<a.b>"` is the value at `data.a.b` of an answer further up, the nearest that
//! has one.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::{fs, path::Path, process::Stdio, time::Duration};

use http::Method;
use nova_core::token::TokenType;
use nova_tests::{
    app::{TestApp, token},
    client::Client,
    world::WORLD,
};
use serde_json::{Map, Value, json};
use tempfile::{NamedTempFile, TempDir};
use tokio::{process::Command, time::timeout};

const GUIDE: &str = include_str!("../../docs/clients.md");
/// A program of an example ends within this time.
const PATIENCE: Duration = Duration::from_mins(2);

/// A fenced block: the words behind the fence, and what is in it.
fn blocks() -> Vec<(&'static str, String)> {
    let mut blocks = Vec::new();
    let mut lines = GUIDE.lines();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let body: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((kind, body.join("\n")));
        }
    }
    blocks
}

/// `value` with its references replaced.
fn resolved(value: &Value, answers: &[Value]) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('<').and_then(|text| text.strip_suffix('>')) {
            Some(path) => {
                let pointer = format!("/data/{}", path.replace('.', "/"));
                answers.iter().rev().find_map(|answer| answer.pointer(&pointer)).unwrap().clone()
            }
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(|item| resolved(item, answers)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), resolved(field, answers))).collect::<Map<_, _>>().into()
        }
        _ => value.clone(),
    }
}

/// Whether `answer` is what the page says.
fn fits(expected: &Value, answer: &Value) -> bool {
    match (expected, answer) {
        (Value::String(any), there) if any == "…" => !there.is_null(),
        (Value::Array(expected), Value::Array(answer)) => {
            expected.len() == answer.len() && expected.iter().zip(answer).all(|(e, a)| fits(e, a))
        }
        (Value::Object(expected), Value::Object(answer)) => {
            expected.len() == answer.len()
                && expected.iter().all(|(name, e)| answer.get(name).is_some_and(|a| fits(e, a)))
        }
        _ => expected == answer,
    }
}

#[tokio::test]
async fn every_example_answers_what_the_page_says() {
    let manifest = NamedTempFile::new().unwrap();
    fs::write(manifest.path(), r#"{"viewer":"query Viewer { viewer { username } }"}"#).unwrap();
    let trusted = manifest.path().to_owned();
    let app = TestApp::over(&[WORLD], |options| options.gateway.http.documents_manifest = Some(trusted)).await;
    let viewer = app.user(1);
    let token = token(1, TokenType::Access, "");
    let blocks = blocks();
    let (mut answers, mut operations) = (Vec::<Value>::new(), 0);
    let mut at = 0;
    let clients = clients().await;
    while let Some((kind, body)) = blocks.get(at) {
        at += 1;
        let next = |kind: &str, at: &mut usize| {
            let found = blocks.get(*at).filter(|(next, _)| *next == kind).map(|(_, body)| body.as_str());
            *at += usize::from(found.is_some());
            found.map(|body| serde_json::from_str::<Value>(body).unwrap())
        };
        let answer = match *kind {
            "sh" => {
                let mut shell = Command::new("sh");
                shell.arg("-c").arg(body).env("NOVA_URL", &app.app.url).env("TOKEN", &token);
                serde_json::from_str(&run(&mut shell).await).unwrap()
            }
            "graphql" => {
                operations += 1;
                let variables = next("json variables", &mut at).unwrap_or(json!({}));
                viewer.run(body, resolved(&variables, &answers)).await
            }
            "js" => {
                let Some(("text printed", printed)) = blocks.get(at).map(|(kind, body)| (*kind, body)) else {
                    panic!("nothing is said of what it prints:\n{body}")
                };
                at += 1;
                assert_eq!(node(&clients, &app.app.url, &token, body).await, format!("{printed}\n"), "{body}");
                continue;
            }
            other => panic!("a block that nothing is done with: {other:?}"),
        };
        let Some(expected) = next("json answer", &mut at) else { panic!("no answer to\n{body}") };
        let expected = resolved(&expected, &answers);
        assert!(fits(&expected, &answer), "{body}\n{answer:#}\ninstead of\n{expected:#}");
        answers.push(answer);
    }
    assert!(operations >= 9, "{operations}");
    // By curl, Apollo Client and urql: each was told once that its hash is not known, and sent it alone afterwards.
    let metrics = Client::new(&app.app.admin_url).send(Method::GET, "/metrics", "").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    for (outcome, times) in [("missing", 3), ("registered", 3), ("found", 3), ("trusted", 1)] {
        let line = format!("nova_persisted_documents_total{{outcome=\"{outcome}\"}} {times}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
}

#[tokio::test]
async fn apollo_throws_partial_answers_away_unless_told_otherwise() {
    let app = TestApp::start().await;
    let token = token(1, TokenType::Access, "");
    let blocks = blocks();
    let (_, example) = blocks.iter().find(|(kind, _)| *kind == "js").unwrap();
    let script = example.replace("errorPolicy: \"all\"", "errorPolicy: \"none\"");
    assert_ne!(&script, example);
    let (before, query) = script.split_once("const { data, error } = await client.query").unwrap();
    let call = query.split_once("console.log").unwrap().0;
    let script = format!(
        "{before} try {{ await client.query{call} console.log(\"there\"); }} catch (error) {{ console.log(error.name); }}"
    );
    assert_eq!(node(&clients().await, &app.app.url, &token, &script).await, "CombinedGraphQLErrors\n");
}

/// A directory with the clients that `tests/apollo/package-lock.json` has.
async fn clients() -> TempDir {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("apollo");
    let home = tempfile::tempdir().unwrap();
    for file in ["package.json", "package-lock.json"] {
        fs::copy(source.join(file), home.path().join(file)).unwrap();
    }
    let install = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    run(Command::new("npm").args(install).current_dir(home.path())).await;
    home
}

/// What the script prints, run by Node with `clients`.
async fn node(clients: &TempDir, url: &str, token: &str, script: &str) -> String {
    fs::write(
        clients.path().join("example.mjs"),
        script.replacen("\n\n", "\n\nconst { NOVA_URL, TOKEN } = process.env;\n", 1),
    )
    .unwrap();
    run(Command::new("node").arg("example.mjs").current_dir(clients.path()).env("NOVA_URL", url).env("TOKEN", token))
        .await
}

/// What a program prints. It must succeed.
async fn run(command: &mut Command) -> String {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await.unwrap();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}; `./nova doctor` says what is missing"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
