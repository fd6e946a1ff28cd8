//! What the gateway counts, under OpenTelemetry's names where it has one. Every label has a fixed, small set of values.

use std::{fmt, time::Duration};

use nova_core::ErrorCode;
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::{connection::ConnectionMetrics, guard::LimitMetrics, http::batch_metrics::BatchMetrics};

/// Seconds, from what a cached answer takes to the ceiling of an operation.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];
/// Seconds of work that is nobody else's but ours.
const OVERHEAD_SECONDS: [f64; 10] = [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0];

/// The gateway's metrics. Cheap to update; one set for the process.
pub(crate) struct Metrics {
    /// How long requests took, to the end of the response's head.
    requests: Family<RequestLabels, Histogram>,
    /// Connections on the public port.
    pub(crate) connections: ConnectionMetrics,
    /// Errors in responses, by code.
    errors: Family<CodeLabel, Counter>,
    /// Documents that did not have to be parsed.
    pub(crate) document_hits: Counter,
    /// Documents that had to.
    pub(crate) document_misses: Counter,
    /// Time of a request that no upstream call covers.
    overhead: Histogram,
    /// Checks whether a token's user is still there.
    viewer_checks: Family<CheckLabel, Counter>,
    /// Batches of operations.
    pub(crate) batches: BatchMetrics,
    /// How large operations are, and which limits they exceed.
    pub(crate) limits: LimitMetrics,
}

/// Where a request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    /// `/graphql`.
    Graphql,
    /// `/health/…`.
    Health,
    /// Anything else.
    Other,
}

impl Route {
    pub(crate) fn of(path: &str) -> Self {
        match path {
            "/graphql" => Self::Graphql,
            "/health/live" | "/health/ready" => Self::Health,
            _ => Self::Other,
        }
    }
}

/// What a check of a token's user found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CheckResult {
    /// The user is there.
    Found,
    /// Unknown or deleted.
    Gone,
    /// The users service did not say; the request went on.
    Unanswered,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    http_route: Route,
    /// `2xx` and so on.
    status_class: StatusClass,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct StatusClass(u16);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: Code,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Code(ErrorCode);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CheckLabel {
    result: CheckResult,
}

macro_rules! label_value {
    ($($type:ty: $value:ident => $text:expr;)*) => {$(
        impl EncodeLabelValue for $type {
            fn encode(&self, encoder: &mut LabelValueEncoder) -> Result<(), fmt::Error> {
                let $value = self;
                EncodeLabelValue::encode(&$text, encoder)
            }
        }
    )*};
}

label_value! {
    Route: route => match route { Route::Graphql => "/graphql", Route::Health => "/health", Route::Other => "other" };
    StatusClass: class => match class.0 { 1 => "1xx", 2 => "2xx", 3 => "3xx", 4 => "4xx", _ => "5xx" };
    Code: code => code.0.as_str();
    CheckResult: result => match result {
        CheckResult::Found => "found", CheckResult::Gone => "gone", CheckResult::Unanswered => "unanswered"
    };
}

impl Metrics {
    /// The metrics, known to `registry`.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            connections: ConnectionMetrics::register(registry),
            errors: Family::default(),
            document_hits: Counter::default(),
            document_misses: Counter::default(),
            overhead: Histogram::new(OVERHEAD_SECONDS),
            viewer_checks: Family::default(),
            batches: BatchMetrics::register(registry),
            limits: LimitMetrics::register(registry),
        };
        registry.register_with_unit(
            "http_server_request_duration",
            "How long HTTP requests took",
            Unit::Seconds,
            metrics.requests.clone(),
        );
        registry.register("nova_graphql_errors", "Errors in responses, by code", metrics.errors.clone());
        registry.register(
            "nova_document_cache_hits",
            "Documents found parsed in the cache",
            metrics.document_hits.clone(),
        );
        registry.register("nova_document_cache_misses", "Documents parsed", metrics.document_misses.clone());
        registry.register_with_unit(
            "nova_gateway_overhead",
            "Time of a GraphQL operation that no upstream call covers",
            Unit::Seconds,
            metrics.overhead.clone(),
        );
        registry.register(
            "nova_gateway_viewer_checks",
            "Checks whether the user of a token still exists, by result",
            metrics.viewer_checks.clone(),
        );
        metrics
    }

    pub(crate) fn request(&self, route: Route, status: http::StatusCode, took: Duration) {
        let labels = RequestLabels { http_route: route, status_class: StatusClass(status.as_u16() / 100) };
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    pub(crate) fn error(&self, code: ErrorCode) {
        self.errors.get_or_create(&CodeLabel { code: Code(code) }).inc();
    }

    pub(crate) fn overhead(&self, took: Duration) {
        self.overhead.observe(took.as_secs_f64());
    }

    pub(crate) fn viewer_check(&self, result: CheckResult) {
        self.viewer_checks.get_or_create(&CheckLabel { result }).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_described_and_reads_as_open_metrics() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        metrics.request(Route::of("/graphql"), http::StatusCode::OK, Duration::from_millis(3));
        metrics.error(ErrorCode::Timeout);
        metrics.viewer_check(CheckResult::Unanswered);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"http_server_request_duration_seconds_count{http_route="/graphql",status_class="2xx"} 1"#,
            r#"nova_graphql_errors_total{code="TIMEOUT"} 1"#,
            r#"nova_gateway_viewer_checks_total{result="unanswered"} 1"#,
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        let types = text.lines().filter(|line| line.starts_with("# TYPE")).count();
        assert_eq!(text.lines().filter(|line| line.starts_with("# HELP")).count(), types);
    }
}
