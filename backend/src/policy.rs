//! Which policy a call is under: the one that it brings, if its caller has shown who they are, else that of this process.
//! Decided before the service sees the call.

use std::sync::Arc;

use nova_flags::{Flags, METADATA, Policy, WireError};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use tonic::{Request, Status, metadata::MetadataMap, service::Interceptor};

/// Who can call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peers {
    /// Callers in this process, or who have shown a certificate of our authority.
    Authenticated,
    /// Anybody on this machine.
    Anybody,
}

/// Gives each call its policy.
#[derive(Debug, Clone)]
pub(crate) struct Policies {
    peers: Peers,
    flags: Flags,
    metrics: PolicyMetrics,
}

/// What became of the policies of calls.
#[derive(Debug, Clone, Default)]
pub(crate) struct PolicyMetrics(Family<Label, Counter>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    policy: &'static str,
}

impl PolicyMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "nova_backend_call_policies",
            "Calls by whose policy they are under: obeyed (the caller's), absent or unauthenticated (this process's), foreign or malformed (the catalogue's)",
            metrics.0.clone(),
        );
        metrics
    }

    fn count(&self, policy: &'static str) {
        self.0.get_or_create(&Label { policy }).inc();
    }
}

impl Policies {
    pub(crate) fn new(peers: Peers, flags: Flags, metrics: PolicyMetrics) -> Self {
        Self { peers, flags, metrics }
    }

    fn of(&self, metadata: &MetadataMap) -> Arc<Policy> {
        let process = self.flags.process();
        let Some(value) = metadata.get_bin(METADATA) else {
            self.metrics.count("absent");
            return process;
        };
        if self.peers == Peers::Anybody {
            self.metrics.count("unauthenticated");
            return process;
        }
        let read = match value.to_bytes() {
            Ok(wire) if wire == *process.wire() => Ok(process),
            Ok(wire) => Policy::from_wire(&wire, &process).map(Arc::new),
            Err(_) => Err(WireError::Malformed),
        };
        match read {
            Ok(policy) => {
                self.metrics.count("obeyed");
                policy
            }
            // What it says can't be read; what the process says was decided for somebody else.
            Err(error) => {
                let why = if error == WireError::Foreign { "foreign" } else { "malformed" };
                self.metrics.count(why);
                tracing::debug!(%error, "a call's policy is not obeyed");
                Arc::new(Policy::defaults())
            }
        }
    }
}

impl Interceptor for Policies {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let policy = self.of(request.metadata());
        request.extensions_mut().insert(policy);
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use nova_flags::{FlagId, Source};
    use tonic::metadata::MetadataValue;

    use super::*;

    fn process() -> Flags {
        let flags = Flags::defaults();
        let features = r#"{"version": 2, "features": [{"name": "jobs.sweep", "enabled": false}]}"#;
        flags.apply(serde_json::from_str(features).unwrap(), Source::Bootstrap).unwrap();
        flags
    }

    fn obeyed(peers: Peers, wire: Option<&[u8]>) -> Arc<Policy> {
        let mut policies = Policies::new(peers, process(), PolicyMetrics::default());
        let mut request = Request::new(());
        if let Some(wire) = wire {
            request.metadata_mut().insert_bin(METADATA, MetadataValue::from_bytes(wire));
        }
        Arc::clone(policies.call(request).unwrap().extensions().get().unwrap())
    }

    #[test]
    fn a_known_callers_policy_is_obeyed_and_nobody_elses() {
        let theirs = Policy::defaults().with(FlagId::GuardFastAcquire, false);
        let ours = Policy::defaults().with(FlagId::JobsSweep, false);
        let both = theirs.with(FlagId::JobsSweep, false);
        assert_eq!(*obeyed(Peers::Authenticated, Some(theirs.wire())), both);
        assert_eq!(*obeyed(Peers::Authenticated, Some(ours.wire())), ours);
        assert_eq!(*obeyed(Peers::Anybody, Some(theirs.wire())), ours);
        assert_eq!(*obeyed(Peers::Authenticated, None), ours);
        for wire in [&b"\x02garbage"[..], b"", &[0; 3_000]] {
            assert_eq!(*obeyed(Peers::Authenticated, Some(wire)), Policy::defaults(), "{wire:?}");
        }
    }
}
