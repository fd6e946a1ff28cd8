//! Whose policy the backend obeys: that of a caller who has shown who they are, and nobody else's.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use nova_flags::{FlagId, METADATA, Policy};
use nova_tests::{
    authority::Authority,
    backend::{TestBackend, by_id},
};
use prometheus_client::encoding::text::encode;
use tonic::{
    Request,
    metadata::MetadataValue,
    transport::{Certificate, ClientTlsConfig, Identity, ServerTlsConfig},
};

const ADA: &str = "insert into users (id, username, display_name, created_at) values (id(1), 'ada', 'Ada', at(1));";

async fn call(backend: &TestBackend, policy: Option<&[u8]>) {
    let mut request = Request::new(by_id([1]));
    if let Some(policy) = policy {
        request.metadata_mut().insert_bin(METADATA, MetadataValue::from_bytes(policy));
    }
    let answer = backend.users().batch_get_users(request).await.unwrap();
    assert_eq!(answer.into_inner().results.len(), 1, "a policy decides how a call is answered, never whether");
}

fn calls(backend: &TestBackend, policy: &str) -> bool {
    let mut text = String::new();
    encode(&mut text, &backend.registry).unwrap();
    text.contains(&format!("nova_backend_call_policies_total{{policy=\"{policy}\"}} 1"))
}

#[tokio::test]
async fn in_the_clear_nobody_has_shown_who_they_are() {
    let backend = TestBackend::start(ADA).await;
    let theirs = Policy::defaults().with(FlagId::GuardFastAcquire, false);
    call(&backend, Some(theirs.wire())).await;
    call(&backend, None).await;
    assert!(calls(&backend, "unauthenticated") && calls(&backend, "absent") && !calls(&backend, "obeyed"));
}

#[tokio::test]
async fn over_mutual_tls_the_callers_policy_is_obeyed_unless_it_means_something_else() {
    const DOMAIN: &str = "backend.nova.test";
    let authority = Authority::new();
    let papers = authority.papers(DOMAIN);
    let identity = || Identity::from_pem(&papers.certificate, &papers.key);
    let ca = || Certificate::from_pem(authority.certificate());
    let server = ServerTlsConfig::new().identity(identity()).client_ca_root(ca());
    let client = ClientTlsConfig::new().identity(identity()).ca_certificate(ca()).domain_name(DOMAIN);
    let backend = TestBackend::over_tls(ADA, server, client).await;
    let theirs = Policy::defaults().with(FlagId::GuardFastAcquire, false);
    call(&backend, Some(theirs.wire())).await;
    let mut foreign = theirs.wire().to_vec();
    foreign[3] ^= 1;
    call(&backend, Some(&foreign)).await;
    call(&backend, Some(b"\x01short")).await;
    assert!(calls(&backend, "obeyed") && calls(&backend, "foreign") && calls(&backend, "malformed"));
}
