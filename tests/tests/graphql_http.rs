//! GraphQL over HTTP, as the specification has it: npm's graphql-http audits the real `nova` process, and every audit is
//! passed, whether the specification says MUST, SHOULD or MAY.

use std::{path::Path, process::Stdio, time::Duration};

use nova_tests::processes::Process;
use serde_json::Value;
use tokio::{process::Command, time::timeout};

/// How long the audits may take. They need a second.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn all_61_audits_pass() {
    // Nobody is there behind it: the audits ask for what the gateway knows itself.
    let nowhere = "http://127.0.0.1:1";
    let gateway = Process::gateway_with([nowhere; 3], &[]).await;
    let mut node = Command::new(variable("NOVA_TEST_NODE"));
    node.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("graphql-http/audit.mjs"));
    node.arg(variable("NOVA_TEST_GRAPHQL_HTTP")).arg(format!("{}/graphql", gateway.url()));
    node.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(PATIENCE, node.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let audits: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed: Vec<_> = audits.iter().filter(|audit| audit["status"] != "ok").collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(audits.len(), 61);
}

fn variable(name: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "the tests' composition root")]
    let value = std::env::var(name);
    let Ok(value) = value else { panic!("{name} is not set. Run `./nova test`, which fetches what the audits need") };
    value
}
