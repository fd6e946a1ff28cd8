//! Mutual TLS between gateway and backend, as separate processes, with certificates of an authority that the tests found.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::{
    net::{IpAddr, UdpSocket},
    time::Duration,
};

use nova_tests::{
    app::database,
    authority::{Authority, Papers},
    client::codes,
    files::Files,
    processes::{Process, eventually, refusal},
    world::WORLD,
};
use serde_json::Value;
use tonic::{
    Code, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Identity},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

const DOMAIN: &str = "backend.nova.test";

/// The settings of a process with these papers.
fn settings(files: &Files, name: &str, papers: &Papers, authority: &Authority) -> Vec<(&'static str, String)> {
    vec![
        ("GRPC_TLS_CERT", files.write(&format!("{name}.pem"), &papers.certificate)),
        ("GRPC_TLS_KEY", files.write(&format!("{name}.key"), &papers.key)),
        ("GRPC_TLS_CA", files.write(&format!("{name}-ca.pem"), &authority.certificate())),
        ("GRPC_TLS_DOMAIN", DOMAIN.to_owned()),
    ]
}

fn with<'a>(settings: &'a [(&'static str, String)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    settings.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect()
}

/// An address of this machine that other machines reach, where it has one.
fn outside() -> IpAddr {
    let probe = UdpSocket::bind("0.0.0.0:0").unwrap();
    // Nothing is sent: this only chooses the interface.
    let chosen = probe.connect("192.0.2.1:9").and_then(|()| probe.local_addr());
    chosen.map_or(IpAddr::from([127, 0, 0, 1]), |address| address.ip())
}

/// What the backend's health service says to whom shows these papers and believes this authority.
async fn health(port: u16, papers: Option<&Papers>, authority: &Authority) -> Result<(), Code> {
    let mut tls =
        ClientTlsConfig::new().domain_name(DOMAIN).ca_certificate(Certificate::from_pem(authority.certificate()));
    if let Some(papers) = papers {
        tls = tls.identity(Identity::from_pem(&papers.certificate, &papers.key));
    }
    let endpoint = Channel::from_shared(format!("https://127.0.0.1:{port}")).unwrap().tls_config(tls).unwrap();
    ask(endpoint.connect_lazy()).await
}

async fn ask(channel: Channel) -> Result<(), Code> {
    let mut request = tonic::Request::new(HealthCheckRequest { service: String::new() });
    request.set_timeout(Duration::from_secs(10));
    HealthClient::new(channel).check(request).await.map(drop).map_err(|status: Status| status.code())
}

async fn viewer(gateway: &Process) -> Value {
    gateway.viewer().query("{ viewer { username } }").await
}

#[tokio::test]
async fn gateway_and_backend_on_two_machines_know_each_other_and_nobody_else() {
    let (fleet, other) = (Authority::new(), Authority::new());
    let files = Files::new();
    let (database, _pool) = database(&[WORLD]).await;
    let ours = settings(&files, "backend", &fleet.papers(DOMAIN), &fleet);
    let port = std::net::TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
    let listen = format!("0.0.0.0:{port}");
    let all = "users,content,social";
    let backend =
        Process::backend_with(all, database.url(), Some(port), &with(&ours, &[("NOVA_BACKEND_LISTEN", &listen)])).await;

    let url = format!("https://{}:{port}", outside());
    let theirs = settings(&files, "gateway", &fleet.papers(DOMAIN), &fleet);
    let gateway = Process::gateway_with([&url; 3], &with(&theirs, &[])).await;
    eventually(|| async { viewer(&gateway).await["data"]["viewer"]["username"] == "user1" }).await;

    // Who calls: papers of the fleet, of another authority, none, no TLS at all.
    assert_eq!(health(port, Some(&fleet.papers(DOMAIN)), &fleet).await, Ok(()));
    // In TLS 1.3 the refusal comes after the client's handshake, so that it meets the call at any point: no code is the one.
    for (who, answer) in [
        ("of another authority", health(port, Some(&other.papers(DOMAIN)), &fleet).await),
        ("nobody in particular", health(port, None, &fleet).await),
        ("in the clear", ask(Channel::from_shared(backend.url()).unwrap().connect_lazy()).await),
    ] {
        assert!(matches!(answer, Err(code) if code != Code::DeadlineExceeded), "{who}: {answer:?}");
    }

    // Who is called: a gateway that believes another authority, or expects another name, gets nothing from it.
    let strangers = settings(&files, "stranger", &fleet.papers(DOMAIN), &other);
    let stranger = Process::gateway_with([&url; 3], &with(&strangers, &[])).await;
    assert_eq!(codes(&viewer(&stranger).await), ["viewer UPSTREAM_UNAVAILABLE"]);
    let misnamed = Process::gateway_with([&url; 3], &with(&theirs, &[("GRPC_TLS_DOMAIN", "other.nova.test")])).await;
    assert_eq!(codes(&viewer(&misnamed).await), ["viewer UPSTREAM_UNAVAILABLE"]);
}

#[tokio::test]
async fn without_tls_nothing_starts_beyond_loopback() {
    let tls = ["GRPC_TLS_CERT", "GRPC_TLS_KEY", "GRPC_TLS_CA"];
    let text = refusal("backend", &[("NOVA_BACKEND_LISTEN", "0.0.0.0:0")]).await;
    assert!(text.contains("NOVA_BACKEND_LISTEN") && tls.iter().all(|name| text.contains(name)), "{text}");
    for url in ["http://10.0.0.1:9190", "https://10.0.0.1:9190", "https://127.0.0.1:9190"] {
        let text = refusal("gateway", &[("CONTENT_URL", url)]).await;
        assert!(text.contains("CONTENT_URL") && tls.iter().all(|name| text.contains(name)), "{text}");
    }
}

#[tokio::test]
async fn settings_that_are_half_there_or_wrong_are_named() {
    let (fleet, files) = (Authority::new(), Files::new());
    let good = settings(&files, "good", &fleet.papers(DOMAIN), &fleet);
    let another_key = files.write("another.key", &fleet.papers(DOMAIN).key);
    let nonsense = files.write("nonsense.pem", "nonsense");
    for (setting, name) in [
        (("GRPC_TLS_CERT", ""), "GRPC_TLS_CERT"),
        (("GRPC_TLS_KEY", ""), "GRPC_TLS_KEY"),
        (("GRPC_TLS_CA", ""), "GRPC_TLS_CA"),
        (("GRPC_TLS_CA", "/nowhere/ca.pem"), "/nowhere/ca.pem"),
        (("GRPC_TLS_CA", nonsense.as_str()), "GRPC_TLS_CA"),
        (("GRPC_TLS_CERT", nonsense.as_str()), "GRPC_TLS_CERT"),
        (("GRPC_TLS_KEY", nonsense.as_str()), "GRPC_TLS_KEY"),
        (("GRPC_TLS_KEY", another_key.as_str()), "GRPC_TLS_KEY"),
    ] {
        for command in ["backend", "gateway"] {
            let text = refusal(command, &with(&good, &[setting])).await;
            assert!(text.contains(name) && !text.contains("PRIVATE KEY"), "{setting:?}: {text}");
        }
    }
    let text = refusal("gateway", &with(&good, &[("USERS_URL", "http://127.0.0.1:9190")])).await;
    assert!(text.contains("USERS_URL") && text.contains("https://"), "{text}");
}
