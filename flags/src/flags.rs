//! The handle of the process on its flags: it takes states in, and decides policies.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering::Relaxed},
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use prometheus_client::{
    encoding::EncodeLabelSet, metrics::counter::Counter as Metric, metrics::family::Family, registry::Registry,
};
use tokio::sync::watch;
use unleash_api_client::{Client, client::FeatureKey};
use unleash_types::client_features::{ClientFeature, ClientFeatures};

use crate::{
    catalogue::FlagId,
    engine::{Access, Caller, Engine, Instance},
    policy::Policy,
    rule,
    state::{Reason, Source, State},
    usage::{Counter, Usage},
};

/// Why an answer was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It holds no flag of ours: it is empty, or another project's. What holds goes on holding.
    #[error("none of {0} flags there is one of ours; `nova flags sync` creates ours")]
    Foreign(usize),
    /// The engine does not take it.
    #[error("the engine refused it: {0}")]
    Engine(String),
}

impl FeatureKey for FlagId {
    fn name(self) -> &'static str {
        self.flag().name
    }
}

/// The flags of the process. Cheap to clone.
#[derive(Clone)]
pub struct Flags(Arc<Inner>);

struct Inner {
    state: ArcSwap<State>,
    /// Speaks to Unleash. Each state has an engine of its own.
    engine: Engine<FlagId>,
    usage: Counter,
    invalid_payloads: Family<FlagLabel, Metric>,
    /// One state is taken in at a time.
    applying: Mutex<()>,
    /// Told of each state that is taken in.
    news: watch::Sender<()>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FlagLabel {
    flag: &'static str,
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flags").field("instance", self.instance()).finish_non_exhaustive()
    }
}

impl Flags {
    /// Flags with the catalogue's defaults. Their metrics join those in `registry`.
    ///
    /// # Errors
    /// What the client has against `access`.
    pub fn new(access: Access, instance: Instance, registry: &mut Registry) -> anyhow::Result<Self> {
        let engine = Engine::new(access, instance)?;
        let invalid_payloads = Family::default();
        registry.register(
            "nova_flags_invalid_payloads",
            "Payloads that the catalogue does not allow, each counted when it appeared",
            invalid_payloads.clone(),
        );
        Ok(Self(Arc::new(Inner {
            state: ArcSwap::from_pointee(State::defaults()),
            engine,
            usage: Counter::default(),
            invalid_payloads,
            applying: Mutex::new(()),
            news: watch::Sender::new(()),
        })))
    }

    /// The catalogue's defaults and nothing else, without an Unleash: what tests and tools begin with.
    ///
    /// # Panics
    /// Never: the client refuses nothing that is said here.
    #[must_use]
    pub fn defaults() -> Self {
        let instance = Instance {
            app_name: "nova".into(),
            instance_id: "nova".into(),
            environment: "development".into(),
            app_version: String::new(),
            region: None,
        };
        #[expect(clippy::expect_used, reason = "only a URL can be refused, and there is none")]
        Self::new(Access::none(), instance, &mut Registry::default()).expect("flags without Unleash")
    }

    /// Takes in what a source says. From here on it holds, whole.
    ///
    /// # Errors
    /// [`Refused`], and what held goes on holding.
    pub fn apply(&self, mut features: ClientFeatures, source: Source) -> Result<(), Refused> {
        let count = features.features.len();
        keep_ours(&mut features.features);
        if !features.features.iter().any(|feature| FlagId::named(&feature.name).is_some()) {
            return Err(Refused::Foreign(count));
        }
        let _applying = self.0.applying.lock();
        let before = self.state();
        let ours = features.features.clone();
        let new = || {
            // An engine of its own: whoever decides by the state before has that one's.
            let engine = Engine::new(Access::none(), self.instance().clone()).map_err(|error| error.to_string())?;
            engine.take(features)?;
            Ok(State::new(ours, source, &before, engine))
        };
        // The engine is somebody else's, and so is what it is given.
        let state = catch_unwind(AssertUnwindSafe(new)).unwrap_or_else(|_| Err("it panicked".to_owned()));
        self.exchange(&before, state.map_err(Refused::Engine)?);
        Ok(())
    }

    /// Decides again, for this instance, what may have become another with the time while the source says the same.
    pub(crate) fn refresh(&self) {
        let _applying = self.0.applying.lock();
        let before = self.state();
        let Some(engine) = before.engine.as_ref().filter(|_| before.may_drift()) else { return };
        let new = || State::new(before.features.clone(), before.source, &before, engine.clone());
        match catch_unwind(AssertUnwindSafe(new)) {
            Ok(state) if state.instance != before.instance => self.exchange(&before, state),
            // What held goes on holding.
            Ok(_) | Err(_) => {}
        }
    }

    fn exchange(&self, before: &State, state: State) {
        let inner = &*self.0;
        self.report(before, &state);
        inner.state.store(Arc::new(state));
        inner.usage.add(&counted(before));
        inner.news.send_replace(());
    }

    /// The policy of a request of `caller`: decided now, and for good.
    #[must_use]
    pub fn decide(&self, caller: Caller<'_>) -> Arc<Policy> {
        self.decide_by(&self.0.state.load(), caller)
    }

    /// The same, by a state that somebody holds.
    #[must_use]
    pub fn decide_by(&self, state: &State, caller: Caller<'_>) -> Arc<Policy> {
        state.decided.fetch_add(1, Relaxed);
        let Some(engine) = state.engine.as_ref().filter(|_| state.has_rollout()) else {
            return Arc::clone(&state.instance);
        };
        let context = engine.context(caller);
        let mut values = *state.instance.values();
        for id in state.rollout.iter().copied() {
            let on = engine.is_on(id, &context, id.flag().default);
            self.0.usage.decided(id, on);
            values.set(id, on);
            if on && !id.flag().payload.is_empty() {
                let (flag, slots) = (state.of(id), values.slots_mut(id));
                // Asking for a payload costs several times what the flag does.
                match &flag.shared {
                    Some(shared) => slots.copy_from_slice(shared),
                    None => slots.copy_from_slice(&flag.values(id, engine.payload(id, &context).as_deref())),
                }
            }
        }
        Arc::new(Policy::of(&values))
    }

    /// The policy of the process: what jobs obey, and calls that bring none.
    #[must_use]
    pub fn process(&self) -> Arc<Policy> {
        Arc::clone(&self.0.state.load().instance)
    }

    /// Tells of each state that is taken in from now on: a job that was switched on need not wait for its hour.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.0.news.subscribe()
    }

    /// What holds now.
    #[must_use]
    pub fn state(&self) -> Arc<State> {
        self.0.state.load_full()
    }

    /// How often each flag was on and off since this was last asked.
    #[must_use]
    pub fn take_usage(&self) -> Usage {
        let state = self.0.state.load();
        let mut usage = counted(&state);
        usage.merge(&self.0.usage.take());
        usage
    }

    /// What this process is.
    #[must_use]
    pub fn instance(&self) -> &Instance {
        self.0.engine.instance()
    }

    pub(crate) fn client(&self) -> &Client<FlagId> {
        self.0.engine.client()
    }

    /// What the engine itself says of a flag's first field, whatever the state says.
    #[cfg(test)]
    pub(crate) fn engine_says(&self, id: FlagId, caller: Caller<'_>) -> Option<u16> {
        let state = self.state();
        let engine = state.engine.as_ref()?;
        let (on, text) = engine.decide(id, &engine.context(caller));
        let values = state.of(id).values(id, text.as_deref());
        on.then(|| u16::try_from(values[0]).unwrap_or(u16::MAX))
    }

    /// Tells operators what is other than before.
    fn report(&self, before: &State, now: &State) {
        if before.source != now.source {
            tracing::info!(from = %before.source, to = %now.source, "flags come from another source");
        }
        for id in FlagId::ALL.iter().copied() {
            let (flag, old, new) = (id.flag(), before.of(id), now.of(id));
            if (old.on, old.reason.is_rollout()) != (new.on, new.reason.is_rollout()) {
                tracing::info!(flag = flag.name, on = new.on, reason = %new.reason, "a flag has changed");
            }
            for (text, payload) in &new.payloads {
                if let (Err(why), false) = (payload, old.payloads.contains_key(text)) {
                    self.0.invalid_payloads.get_or_create(&FlagLabel { flag: flag.name }).inc();
                    tracing::warn!(flag = flag.name, why, "a payload is not valid: the last valid one holds");
                }
            }
        }
    }
}

impl Reason {
    fn is_rollout(self) -> bool {
        matches!(self, Self::Rollout(_) | Self::Instance(_))
    }
}

/// Leaves the flags of the catalogue, and those that they depend on.
fn keep_ours(features: &mut Vec<ClientFeature>) {
    let is_ours = |feature: &ClientFeature| FlagId::named(&feature.name).is_some();
    let ours = features.iter().filter(|feature| is_ours(feature));
    let parents: Vec<String> =
        ours.flat_map(|feature| feature.dependencies.iter().flatten()).map(|parent| parent.feature.clone()).collect();
    features.retain(|feature| is_ours(feature) || parents.contains(&feature.name));
    features.iter_mut().for_each(rule::drop_undrawable);
}

/// What a state has counted by itself: each policy that was decided under it counts for the flags that are the same for
/// everybody. Begins anew.
fn counted(state: &State) -> Usage {
    let mut usage = Usage::default();
    let decided = state.decided.swap(0, Relaxed);
    for id in FlagId::ALL.iter().copied().filter(|id| !state.rollout.contains(id)) {
        usage.of(id).add(state.of(id).on, decided);
    }
    usage
}
