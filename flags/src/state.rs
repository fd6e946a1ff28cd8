//! What holds since the last sync: for each flag whether it is the same for everybody, and with which payload. Made whole and
//! exchanged whole. Deciding for one caller is [`Flags`](crate::Flags)' business.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    sync::atomic::AtomicU64,
};

use serde::{Serialize, Serializer};
use unleash_types::client_features::ClientFeature;

use crate::{
    catalogue::{FlagId, Scope},
    engine::{Caller, Engine},
    payload,
    policy::{Policy, Values},
    rule::{self, Rule},
    view::FlagView,
};

/// Where the states of flags come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Nowhere: the catalogue's defaults hold.
    Catalogue,
    /// A file that the operator named.
    Bootstrap,
    /// The last good answer of Unleash, kept on disk.
    Disk,
    /// Unleash.
    Unleash,
}

impl Source {
    /// In a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Catalogue => "catalogue",
            Self::Bootstrap => "bootstrap",
            Self::Disk => "disk",
            Self::Unleash => "unleash",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Why a flag has its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The source says nothing of it: the catalogue's default.
    Missing(Source),
    /// It is the same for everybody.
    Everyone(Source),
    /// It is in rollout, and was decided for this caller.
    Rollout(Source),
    /// It is in rollout, and was decided for this instance.
    Instance(Source),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(Source::Catalogue) => f.write_str("catalogue default"),
            Self::Missing(source) => write!(f, "catalogue default: {source} does not have it"),
            Self::Everyone(source) => write!(f, "{source}: everyone"),
            Self::Rollout(source) => write!(f, "{source}: rollout"),
            Self::Instance(source) => write!(f, "{source}: rollout by instance"),
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One flag since the last sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FlagState {
    pub(crate) reason: Reason,
    /// For everybody; for a flag in rollout, for this instance.
    pub(crate) on: bool,
    /// Payloads that somebody may get, as they are written in the source, with what they mean or what is wrong with them.
    pub(crate) payloads: BTreeMap<String, Result<Vec<u64>, String>>,
    /// The payload that was last in use for everybody: what a wrong one is replaced by.
    pub(crate) last_valid: Vec<u64>,
    /// The payload of everybody for whom it is on; `None` when the engine has to choose one for each.
    pub(crate) shared: Option<Vec<u64>>,
}

impl FlagState {
    /// What is wrong with its payloads.
    pub(crate) fn problems(&self) -> impl Iterator<Item = &str> {
        self.payloads.values().filter_map(|payload| payload.as_ref().err()).map(String::as_str)
    }

    /// What `text` means; the last valid value when it is wrong, or new to us.
    pub(crate) fn values(&self, id: FlagId, text: Option<&str>) -> Vec<u64> {
        match text {
            None => id.flag().payload.iter().map(|field| field.default).collect(),
            Some(text) => match self.payloads.get(text) {
                Some(Ok(values)) => values.clone(),
                _ => self.last_valid.clone(),
            },
        }
    }
}

/// All flags since the last sync.
#[derive(Debug)]
pub struct State {
    pub(crate) source: Source,
    pub(crate) flags: Vec<FlagState>,
    /// The policy of this instance, which is everybody's but for the flags in rollout.
    pub(crate) instance: Arc<Policy>,
    /// What is decided for each caller.
    pub(crate) rollout: Vec<FlagId>,
    /// How many policies were decided.
    pub(crate) decided: AtomicU64,
    /// What the source said.
    pub(crate) features: Vec<ClientFeature>,
    /// Decides by it; none before anything was said.
    pub(crate) engine: Option<Engine<FlagId>>,
}

impl State {
    /// What the catalogue says.
    pub(crate) fn defaults() -> Self {
        let flag = |id: &FlagId| FlagState {
            reason: Reason::Missing(Source::Catalogue),
            on: id.flag().default,
            payloads: BTreeMap::new(),
            last_valid: id.flag().payload.iter().map(|field| field.default).collect(),
            shared: None,
        };
        Self {
            source: Source::Catalogue,
            flags: FlagId::ALL.iter().map(flag).collect(),
            instance: Arc::new(Policy::defaults()),
            rollout: Vec::new(),
            decided: AtomicU64::new(0),
            features: Vec::new(),
            engine: None,
        }
    }

    /// What `features` says, after `before`, by an `engine` that has taken them in.
    pub(crate) fn new(features: Vec<ClientFeature>, source: Source, before: &Self, engine: Engine<FlagId>) -> Self {
        let instance = Caller { user_id: None, session_id: Some(&engine.instance().instance_id) };
        let context = engine.context(instance);
        let mut values = Values::defaults();
        let mut flags = Vec::with_capacity(FlagId::ALL.len());
        let mut rollout = Vec::new();
        for id in FlagId::ALL.iter().copied() {
            let last_valid = before.of(id).last_valid.clone();
            let Some(feature) = features.iter().find(|feature| feature.name == id.flag().name) else {
                let state = FlagState {
                    reason: Reason::Missing(source),
                    on: id.flag().default,
                    payloads: BTreeMap::new(),
                    last_valid,
                    shared: None,
                };
                flags.push(state);
                continue;
            };
            // A flag without fields has no use for a payload, and none is wrong.
            let texts = if id.flag().payload.is_empty() { BTreeSet::new() } else { rule::payloads(feature) };
            let payloads: BTreeMap<_, _> =
                texts.into_iter().map(|text| (text.to_owned(), payload::parse(id.flag(), text))).collect();
            // Also for a flag that is the same for everybody: the engine knows which of the variants it is.
            let (on, text) = engine.decide(id, &context);
            let reason = match (Rule::of(feature), id.flag().scope) {
                (Rule::Everyone(_), _) => Reason::Everyone(source),
                (Rule::Rollout, Scope::Request) => Reason::Rollout(source),
                (Rule::Rollout, Scope::Process) => Reason::Instance(source),
            };
            let mut state = FlagState { reason, on, payloads, last_valid, shared: None };
            let slots = state.values(id, text.as_deref());
            if on {
                state.last_valid.clone_from(&slots);
            } else if let Some(valid) = state.payloads.values().flatten().next() {
                state.last_valid.clone_from(valid);
            }
            let mut offered = rule::offered(feature);
            state.shared = offered.pop_first().filter(|_| offered.is_empty()).map(|text| state.values(id, text));
            values.set(id, on);
            values.slots_mut(id).copy_from_slice(&slots);
            if matches!(reason, Reason::Rollout(_)) {
                rollout.push(id);
            }
            flags.push(state);
        }
        let instance = Arc::new(Policy::of(&values));
        Self { source, flags, instance, rollout, decided: AtomicU64::new(0), features, engine: Some(engine) }
    }

    /// Whether anything may become another, with the time or the caller, while the source says the same.
    pub(crate) fn may_drift(&self) -> bool {
        self.flags.iter().any(|flag| matches!(flag.reason, Reason::Rollout(_) | Reason::Instance(_)))
    }

    /// To how many per cent a flag is rolled out, where it has one gradual rollout and nothing else.
    #[must_use]
    pub fn rollout_of(&self, id: FlagId) -> Option<u8> {
        let feature = self.features.iter().find(|feature| feature.name == id.flag().name)?;
        let [strategy] = feature.strategies.as_deref()? else { return None };
        strategy.parameters.as_ref()?.get("rollout")?.parse().ok()
    }

    /// Every flag under `policy`, which was decided by this state, with the reason for its value.
    #[must_use]
    pub fn explain(&self, policy: &Policy) -> BTreeMap<&'static str, FlagView> {
        FlagId::ALL
            .iter()
            .map(|id| (id.flag().name, FlagView::new(*id, policy, self.of(*id), self.rollout_of(*id))))
            .collect()
    }

    pub(crate) fn of(&self, id: FlagId) -> &FlagState {
        &self.flags[id as usize]
    }

    /// Where it comes from.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// Whether some flag is decided for each caller: by a share of them, or by who they are.
    #[must_use]
    pub fn has_rollout(&self) -> bool {
        !self.rollout.is_empty()
    }
}
