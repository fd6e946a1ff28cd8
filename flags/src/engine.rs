//! Unleash's own engine, and what it is asked: whether a flag is on for a caller, and with which payload. It says nothing of what a flag means, and keeps no answer.

use std::{collections::HashMap, fmt, sync::Arc};

use unleash_api_client::{
    Client, ClientBuilder, Context,
    client::FeatureKey,
    http::{Request, Response, Transport, TransportRef},
};
use unleash_types::client_features::ClientFeatures;

use crate::catalogue::FlagId;

/// What this process is, as far as flags may depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// What Unleash calls the application.
    pub app_name: String,
    /// This process among those of the application. Process flags in rollout stick to it.
    pub instance_id: String,
    /// The environment, as in Unleash.
    pub environment: String,
    /// The version of the binary.
    pub app_version: String,
    /// Where it runs, if anybody said.
    pub region: Option<String>,
}

/// Who asks. A rollout sticks to the user, and for anonymous callers to the session.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caller<'a> {
    /// The user's id, as text.
    pub user_id: Option<&'a str>,
    /// The session's id.
    pub session_id: Option<&'a str>,
}

/// The way to Unleash: where it is, and how to get there.
pub struct Access {
    /// Its API, as `https://host/api`.
    pub api_url: String,
    /// The token of a backend.
    pub token: Option<String>,
    /// Carries the requests.
    pub transport: TransportRef,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("api_url", &self.api_url).finish_non_exhaustive()
    }
}

impl Access {
    /// No Unleash: states come from elsewhere.
    #[must_use]
    pub fn none() -> Self {
        Self { api_url: String::new(), token: None, transport: Arc::new(Nowhere) }
    }
}

/// Goes nowhere.
struct Nowhere;

#[async_trait::async_trait]
impl Transport for Nowhere {
    async fn execute(&self, _: Request) -> Result<Response, anyhow::Error> {
        anyhow::bail!("no Unleash is configured")
    }
}

/// The engine, for flags that are named by `F`. Cheap to clone; clones are the same.
pub struct Engine<F: FeatureKey>(Arc<Parts<F>>);

struct Parts<F: FeatureKey> {
    client: Client<F>,
    /// What every question has in common.
    instance: Instance,
}

impl<F: FeatureKey> Clone for Engine<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F: FeatureKey> fmt::Debug for Engine<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("instance", self.instance()).finish_non_exhaustive()
    }
}

impl Engine<FlagId> {
    /// Whether a flag of the catalogue is on, and its payload's text.
    pub(crate) fn decide(&self, id: FlagId, context: &Context) -> (bool, Option<String>) {
        let on = self.is_on(id, context, id.flag().default);
        (on, if on && !id.flag().payload.is_empty() { self.payload(id, context) } else { None })
    }
}

impl<F: FeatureKey> Engine<F> {
    /// An engine that knows no flag yet.
    ///
    /// # Errors
    /// What the client has against `access`.
    pub fn new(access: Access, instance: Instance) -> anyhow::Result<Self> {
        let Access { api_url, token, transport } = access;
        let client = ClientBuilder::default().disable_metric_submission().into_client_with_transport(
            &api_url,
            &instance.app_name,
            &instance.instance_id,
            token,
            transport,
        )?;
        Ok(Self(Arc::new(Parts { client, instance })))
    }

    /// From here on it answers by `features`.
    ///
    /// # Errors
    /// What it has against them.
    pub fn take(&self, features: ClientFeatures) -> Result<(), String> {
        self.0.client.memoize(features).map(|_| ()).map_err(|error| error.to_string())
    }

    /// Everything that an answer may depend on.
    #[must_use]
    pub fn context(&self, caller: Caller<'_>) -> Context {
        let Instance { app_name, instance_id, environment, app_version, region } = self.instance();
        let mut properties = HashMap::from([
            ("appVersion".to_owned(), app_version.clone()),
            ("instanceId".to_owned(), instance_id.clone()),
        ]);
        if let Some(region) = region {
            properties.insert("region".to_owned(), region.clone());
        }
        Context {
            user_id: caller.user_id.map(str::to_owned),
            session_id: caller.session_id.map(str::to_owned),
            remote_address: None,
            properties,
            app_name: app_name.clone(),
            environment: environment.clone(),
            current_time: None,
        }
    }

    /// Whether a flag is on; `default` is what holds for one that the engine does not know.
    #[must_use]
    pub fn is_on(&self, flag: F, context: &Context, default: bool) -> bool {
        self.0.client.is_enabled(flag, Some(context), default)
    }

    /// The text of the payload of a flag that is on.
    #[must_use]
    pub fn payload(&self, flag: F, context: &Context) -> Option<String> {
        self.0.client.get_variant(flag, context).payload.remove("value")
    }

    pub(crate) fn instance(&self) -> &Instance {
        &self.0.instance
    }

    pub(crate) fn client(&self) -> &Client<F> {
        &self.0.client
    }
}
