//! The users service: who is who, many at a time. Also what every service has: key limits, health, reflection, shutdown.

use futures_util::stream;
use nova_backend::ServiceName;
use nova_core::ErrorCode;
use nova_proto::{IntoAnswer as _, KeyFailure, id_bytes, v1};
use nova_tests::backend::{TestBackend, at, by_id, id, statements};
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

const PEOPLE: &str = "
    insert into users (id, username, display_name, bio, avatar_url, is_verified, created_at, deleted_at) values
        (id(1), 'Ada', 'Ada L.', 'counts', 'https://x/a.png', true, at(1), null),
        (id(2), 'grace', 'Grace', null, null, false, at(2), null),
        (id(3), 'gone', 'Gone', 'was here', null, true, at(3), at(9));";

#[tokio::test]
async fn people_are_found_by_id_and_deleted_ones_are_tombstones() {
    let backend = TestBackend::start(PEOPLE).await;
    let response = backend.users().batch_get_users(by_id([2, 1, 77, 3, 1])).await.unwrap();
    assert_eq!(statements(&response), 1);
    let answers: Vec<_> = response.into_inner().results.into_iter().map(v1::UserResult::into_answer).collect();
    let ada = v1::User {
        id: id_bytes(id(1)),
        username: "Ada".into(),
        display_name: "Ada L.".into(),
        bio: Some("counts".into()),
        avatar_url: Some("https://x/a.png".into()),
        is_verified: true,
        created_at_micros: at(1).timestamp_micros(),
        deleted: false,
    };
    let tombstone = v1::User { id: id_bytes(id(3)), deleted: true, ..v1::User::default() };
    assert_eq!(answers[0].as_ref().unwrap().as_ref().unwrap().username, "grace");
    assert_eq!(answers[1..], [Ok(Some(ada.clone())), Ok(None), Ok(Some(tombstone)), Ok(Some(ada))]);
}

#[tokio::test]
async fn people_are_found_by_name_in_any_case_unless_deleted() {
    let backend = TestBackend::start(PEOPLE).await;
    let names = ["GRACE", "ada", "gone", "nobody", "", "a\0b", "ГРЕЙС", "Ada"].map(String::from).to_vec();
    let response = backend
        .users()
        .batch_get_users_by_username(v1::BatchGetUsersByUsernameRequest { usernames: names })
        .await
        .unwrap();
    assert_eq!(statements(&response), 1);
    let found: Vec<_> = response
        .into_inner()
        .results
        .into_iter()
        .map(|result| result.into_answer().unwrap().map(|user| user.username))
        .collect();
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(found, [some("grace"), some("Ada"), None, None, None, None, None, some("Ada")]);
}

#[tokio::test]
async fn one_bad_key_of_a_thousand_fails_alone() {
    let backend = TestBackend::start(
        "insert into users (id, username, display_name) select id(n), 'u' || n, 'U' from generate_series(0, 999) n",
    )
    .await;
    let mut request = by_id(0..1000);
    request.ids[617] = request.ids[617].slice(..15);
    let response = backend.users().batch_get_users(request).await.unwrap();
    assert_eq!(statements(&response), 1);
    let results = response.into_inner().results;
    assert_eq!(results.len(), 1000);
    for (n, result) in results.into_iter().enumerate() {
        match result.into_answer() {
            Err(failure) => assert_eq!((n, failure), (617, KeyFailure(ErrorCode::InvalidId))),
            Ok(found) => assert_eq!(found.unwrap().username, format!("u{n}")),
        }
    }
}

#[tokio::test]
async fn a_call_has_a_bounded_number_of_keys_and_none_is_no_statement() {
    let backend = TestBackend::start(PEOPLE).await;
    let most = u128::try_from(nova_backend::MAX_KEYS).unwrap();
    assert!(backend.users().batch_get_users(by_id(0..most)).await.is_ok());
    let refusal = backend.users().batch_get_users(by_id(0..=most)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::InvalidArgument);
    let response = backend.users().batch_get_users(by_id([])).await.unwrap();
    assert_eq!(statements(&response), 0);
    assert_eq!(response.into_inner().results, []);
}

#[tokio::test]
async fn every_service_is_healthy_and_describes_itself() {
    let backend = TestBackend::serving(&[ServiceName::Users, ServiceName::Social], "").await;
    let mut health = HealthClient::new(backend.channel.clone());
    for service in ["", "nova.v1.Users", "nova.v1.Social"] {
        let answer = health.check(HealthCheckRequest { service: service.into() }).await.unwrap();
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving, "{service}");
    }
    let absent = health.check(HealthCheckRequest { service: "nova.v1.Content".into() }).await.unwrap_err();
    assert_eq!(absent.code(), Code::NotFound);
    assert_eq!(backend.content().batch_get_posts(by_id([1])).await.unwrap_err().code(), Code::Unimplemented);

    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut reflection = ServerReflectionClient::new(backend.channel.clone());
    let mut answers = reflection.server_reflection_info(stream::iter([list])).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(services)) = answer.message_response else { panic!("{answer:?}") };
    let mut names: Vec<_> = services.service.into_iter().map(|service| service.name).collect();
    names.sort_unstable();
    let expected = ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "nova.v1.Social", "nova.v1.Users"];
    assert_eq!(names, expected);
    drop((health, reflection, answers));
    backend.stop().await;
}

#[tokio::test]
async fn a_store_that_fails_is_told_by_code_and_never_in_its_own_words() {
    let backend = TestBackend::start(PEOPLE).await;
    backend.sql("alter table users rename column bio to biography").await;
    let status = backend.users().batch_get_users(by_id([1])).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Internal, "internal error"));

    let mut scraped = String::new();
    prometheus_client::encoding::text::encode(&mut scraped, &backend.registry).unwrap();
    for line in [
        r#"db_client_operation_failures_total{operation="users_by_id",error_type="internal"} 1"#,
        "db_client_connection_max 30",
    ] {
        assert!(scraped.contains(line), "{line} is not in\n{scraped}");
    }
}

#[tokio::test]
async fn a_call_ends_at_its_deadline_and_says_so() {
    let backend = TestBackend::start(PEOPLE).await;
    let mut transaction = backend.pool.begin().await.unwrap();
    sqlx::query("lock table users").execute(&mut *transaction).await.unwrap();
    let mut request = tonic::Request::new(by_id([1]));
    // As a header, so that only the backend keeps time.
    request.metadata_mut().insert("grpc-timeout", "400m".parse().unwrap());
    let status = backend.users().batch_get_users(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    // Without a deadline of its own, the statement is stopped by the store.
    let status = backend.users().batch_get_users(by_id([1])).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::DeadlineExceeded, "the store did not answer in time"));
}
