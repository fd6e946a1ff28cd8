//! Unleash's admin API: one request at a time, each with a deadline and a bound on its answer. It knows what can be asked and
//! how it is refused; what to do about it is its callers' business.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::model::{Environment, Environments, Events, Feature, Features, Overview, Segment, Segments, Strategy};
use crate::{chain, failure::Failure, https::connector};

/// How long one request may take, to the last byte of its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer that is read, in bytes.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
/// How much of Unleash's own words is repeated, in characters.
const MAX_WORDS: usize = 300;

/// Why Unleash did not do as it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    /// No connection, or it broke.
    #[error("Unleash does not answer: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("Unleash did not answer within {} s", PATIENCE.as_secs())]
    Timeout,
    /// The token opens nothing here.
    #[error("UNLEASH_ADMIN_TOKEN: Unleash refused it ({0}); it takes an admin token that still exists")]
    Denied(StatusCode),
    /// It understood and says no, in its own words.
    #[error("Unleash refuses ({status}): {words}")]
    Refused {
        /// The answer's status: 400 to 499.
        status: StatusCode,
        /// Why, as Unleash has it.
        words: String,
    },
    /// The answer is no success. Redirects are not followed: the URL is to be the right one.
    #[error("Unleash answers {0}; is UNLEASH_URL right?")]
    Status(StatusCode),
    /// More than flags take.
    #[error("an answer of Unleash has more than {} MiB", MAX_BODY_BYTES >> 20)]
    TooLarge,
    /// It is not what the admin API answers.
    #[error("an answer of Unleash can't be read ({0}); is UNLEASH_URL right?")]
    Garbage(String),
    /// There is no such project.
    #[error("--project: Unleash has no project {0:?}")]
    NoProject(String),
    /// There is no such environment, or the project does not use it.
    #[error("--environment: the project {project:?} has no environment {environment:?}; it has: {others}")]
    NoEnvironment {
        /// The project.
        project: String,
        /// What was asked for.
        environment: String,
        /// What there is.
        others: String,
    },
}

impl AdminError {
    /// Whether this concerns one request alone, and others may well succeed.
    pub(super) fn is_of_one_request(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Denied(_) | AdminError::NoProject(_) | AdminError::NoEnvironment { .. } => {
                Self::Config(error.to_string())
            }
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

/// A project and an environment of an Unleash, by its admin API.
pub(crate) struct Admin {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    api: String,
    token: HeaderValue,
    /// The project that has the flags.
    pub(super) project: String,
    /// The environment that is asked for.
    pub(super) environment: String,
}

impl Admin {
    pub(super) fn new(
        api: String,
        token: HeaderValue,
        ca: Option<&Path>,
        project: &str,
        environment: &str,
    ) -> Result<Self, Failure> {
        let client = Client::builder(TokioExecutor::new()).build(connector("UNLEASH_CA", ca)?);
        Ok(Self { client, api, token, project: project.to_owned(), environment: environment.to_owned() })
    }

    /// Looks whether token, project and environment are right; answers the names of the project's environments.
    pub(super) async fn check(&self) -> Result<Vec<String>, AdminError> {
        match self.get::<Value>(&format!("/projects/{}/overview", self.project)).await {
            Err(AdminError::Refused { status: StatusCode::NOT_FOUND, .. }) => {
                return Err(AdminError::NoProject(self.project.clone()));
            }
            Err(AdminError::Refused { status: StatusCode::FORBIDDEN, .. }) => {
                return Err(AdminError::Denied(StatusCode::FORBIDDEN));
            }
            other => other?,
        };
        let all: Environments = self.get(&format!("/environments/project/{}", self.project)).await?;
        let names: Vec<String> = all.environments.into_iter().filter(Environment::is_used).map(|it| it.name).collect();
        if names.contains(&self.environment) {
            return Ok(names);
        }
        let (project, environment) = (self.project.clone(), self.environment.clone());
        Err(AdminError::NoEnvironment { project, environment, others: names.join(", ") })
    }

    /// Every flag of the project that is not archived.
    pub(super) async fn features(&self) -> Result<Vec<Overview>, AdminError> {
        Ok(self.get::<Features>(&format!("/projects/{}/features", self.project)).await?.features)
    }

    /// All that is set of one flag.
    pub(super) async fn feature(&self, name: &str) -> Result<Feature, AdminError> {
        self.get(&format!("{}?variantEnvironments=true", self.path(name))).await
    }

    /// What was done last to this flag in the environment since it was created, in Unleash's word for it. Events outlive their
    /// flag: those of an earlier one of the same name don't count.
    pub(super) async fn last_event(&self, flag: &Overview) -> Result<Option<String>, AdminError> {
        let query = format!("feature=IS:{}&environment=IS:{}&limit=1", flag.name, self.environment);
        let last = self.get::<Events>(&format!("/search/events?{query}")).await?.events.into_iter().next();
        Ok(last.filter(|event| event.created_at > flag.created_at).map(|event| event.kind))
    }

    /// All segments there are.
    pub(super) async fn segments(&self) -> Result<Vec<Segment>, AdminError> {
        Ok(self.get::<Segments>("/segments").await?.segments)
    }

    /// Whether a flag of this name can be created: an archived one, or another project's, stands in the way.
    pub(super) async fn validate(&self, name: &str) -> Result<(), AdminError> {
        let body = json!({"name": name, "projectId": self.project});
        self.send(Method::POST, "/features/validate", Some(&body)).await.map(drop)
    }

    pub(super) async fn create(&self, feature: &Value) -> Result<(), AdminError> {
        self.send(Method::POST, &format!("/projects/{}/features", self.project), Some(feature)).await.map(drop)
    }

    /// Switches the flag in the environment.
    pub(super) async fn switch(&self, name: &str, on: bool) -> Result<(), AdminError> {
        let path = format!("{}/{}", self.environment_path(name), if on { "on" } else { "off" });
        self.send(Method::POST, &path, None).await.map(drop)
    }

    pub(super) async fn add_strategy(&self, name: &str, strategy: &Value) -> Result<Strategy, AdminError> {
        let path = format!("{}/strategies", self.environment_path(name));
        read(&self.send(Method::POST, &path, Some(strategy)).await?)
    }

    pub(super) async fn set_strategy(&self, name: &str, id: &str, strategy: &Value) -> Result<(), AdminError> {
        let path = format!("{}/strategies/{id}", self.environment_path(name));
        self.send(Method::PUT, &path, Some(strategy)).await.map(drop)
    }

    pub(super) async fn remove_strategy(&self, name: &str, id: &str) -> Result<(), AdminError> {
        let path = format!("{}/strategies/{id}", self.environment_path(name));
        self.send(Method::DELETE, &path, None).await.map(drop)
    }

    fn path(&self, name: &str) -> String {
        format!("/projects/{}/features/{name}", self.project)
    }

    fn environment_path(&self, name: &str) -> String {
        format!("{}/environments/{}", self.path(name), self.environment)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AdminError> {
        read(&self.send(Method::GET, path, None).await?)
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Bytes, AdminError> {
        timeout(PATIENCE, self.exchange(method, path, body)).await.map_err(|_| AdminError::Timeout)?
    }

    async fn exchange(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Bytes, AdminError> {
        let broken = |error: &dyn std::error::Error| AdminError::Unreachable(chain(error));
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.api))
            .header(AUTHORIZATION, &self.token)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))
            .map_err(|error| broken(&error))?;
        let response = self.client.request(request).await.map_err(|error| broken(&error))?;
        let status = response.status();
        let body = match Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(AdminError::TooLarge),
            Err(error) => {
                return Err(AdminError::Unreachable(error.source().map_or_else(|| error.to_string(), chain)));
            }
        };
        match status {
            _ if status.is_success() => Ok(body),
            StatusCode::UNAUTHORIZED => Err(AdminError::Denied(status)),
            _ if status.is_client_error() => Err(match words(&body) {
                Some(words) => AdminError::Refused { status, words },
                None => AdminError::Status(status),
            }),
            _ => Err(AdminError::Status(status)),
        }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, AdminError> {
    // The text of the error may repeat what was read: the place has to do.
    let place = |error: serde_json::Error| format!("line {}, column {}", error.line(), error.column());
    serde_json::from_slice(body).map_err(|error| AdminError::Garbage(place(error)))
}

/// What Unleash says of an error, cut to a line.
fn words(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    let Refusal { message } = serde_json::from_slice(body).ok()?;
    Some(message.chars().map(|char| if char.is_control() { ' ' } else { char }).take(MAX_WORDS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unleashs_words_are_one_short_line() {
        assert_eq!(words(br#"{"name":"X","message":"a\nb\u001b[1m"}"#).as_deref(), Some("a b [1m"));
        assert_eq!(words(format!(r#"{{"message":"{}"}}"#, "x".repeat(5_000)).as_bytes()).unwrap().len(), MAX_WORDS);
        assert_eq!(words(b"<html>"), None);
    }

    #[test]
    fn what_the_operator_can_mend_is_a_wrong_setting() {
        let code = |error: AdminError| Failure::from(error).exit_code();
        assert_eq!(code(AdminError::Denied(StatusCode::UNAUTHORIZED)), 78);
        assert_eq!(code(AdminError::NoProject("p".into())), 78);
        assert_eq!(code(AdminError::Timeout), 69);
        assert_eq!(code(AdminError::Unreachable("refused".into())), 69);
    }
}
