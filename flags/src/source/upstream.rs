//! One sync with Unleash: asks for the flags, and has them taken in when they are any good.

use serde_json::value::RawValue;

use super::{
    answer::Answer,
    error::{NotModified, SyncError},
    transport::Tags,
};
use crate::{Flags, Source};

pub(super) struct Upstream {
    pub(super) flags: Flags,
    pub(super) features_url: String,
    pub(super) tags: Tags,
    /// How often we ask; Unleash is told.
    pub(super) interval_ms: u64,
}

impl Upstream {
    /// The text of the answer when it is another than before, and holds from now on.
    pub(super) async fn sync(&self) -> Result<Option<Box<RawValue>>, SyncError> {
        let answer = self.flags.client().http.get_json(&self.features_url, Some(self.interval_ms)).await;
        let Answer { text, features } = match answer {
            Ok(text) => Answer::new(text)?,
            Err(error) if error.is::<NotModified>() => {
                self.flags.refresh();
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        self.flags.apply(features, Source::Unleash)?;
        self.tags.accept(&self.features_url);
        Ok(Some(text))
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use hyper_util::client::legacy::connect::HttpConnector;
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::{
        Access, Instance,
        source::{
            liar::{Liar, Reply},
            transport::HttpTransport,
        },
    };

    fn upstream(url: &str) -> Upstream {
        let transport = HttpTransport::new(HttpConnector::new(), Duration::from_secs(30));
        let tags = transport.tags();
        let [app_name, instance_id, environment, app_version] = ["app", "one", "production", "1"].map(str::to_owned);
        let instance = Instance { app_name, instance_id, environment, app_version, region: None };
        let access =
            Access { api_url: url.into(), token: Some("a:production.secret".into()), transport: Arc::new(transport) };
        let flags = Flags::new(access, instance, &mut Registry::default()).unwrap();
        Upstream { flags, features_url: format!("{url}/client/features"), tags, interval_ms: 2_000 }
    }

    fn says(tag: &'static str, name: &str) -> Reply {
        let text = format!(r#"{{"version":2,"features":[{{"name":"{name}","enabled":false,"strategies":[]}}]}}"#);
        Reply::Says(200, tag, text)
    }

    #[tokio::test]
    async fn only_what_holds_is_left_out_of_the_next_answer() {
        let liar = Liar::start(says("etag: \"good\"\r\n", "loaders.batching")).await;
        let upstream = upstream(&liar.url);
        let asks_with =
            |request: usize, tag: &str| liar.requests()[request].contains(&format!("if-none-match: \"{tag}\""));
        assert!(upstream.sync().await.unwrap().unwrap().get().contains("loaders.batching"));
        liar.set(Reply::Says(304, "", String::new()));
        assert!(upstream.sync().await.unwrap().is_none());
        assert!(asks_with(1, "good") && liar.requests()[1].contains("unleash-interval: 2000"));
        liar.set(says("etag: \"foreign\"\r\n", "somebody.elses"));
        for _ in 0..2 {
            assert_eq!(upstream.sync().await.unwrap_err().label(), "foreign");
        }
        assert!(!asks_with(3, "foreign"), "the second is no 304: nothing good has come since");
        assert!(upstream.flags.process().loaders_batching().is_none(), "what was good holds");
    }
}
