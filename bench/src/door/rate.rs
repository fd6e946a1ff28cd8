//! What the rate limit costs a request: for callers who are known, for ever new addresses, and on two threads at once; and
//! what the buckets of all the callers that are kept take.

use std::{hint::black_box, net::Ipv6Addr, thread};

use nova_cli::say;
use nova_core::UserId;
use nova_flags::{Mode, Rate};
use nova_gateway::{ClientAddress, Rates};
use prometheus_client::registry::Registry;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    process::peak_rss_mib,
    report::{Goal, Report},
};

/// Requests of one run.
const REQUESTS: u32 = 100_000;
/// Callers who are known.
const CALLERS: u32 = 1_000;
/// As many as are kept.
const KEPT: u32 = 100_000;
/// What a check may cost, in microseconds.
const GOAL: Goal = Goal::Below(2.0);
/// Everything passes: that is the way of nearly all requests.
const RATE: Rate = Rate {
    per_minute: 6_000_000,
    burst: 1_000_000,
    address_per_minute: 6_000_000,
    address_burst: 1_000_000,
    mode: Mode::Enforce,
};

pub(super) fn measure(report: &mut Report, runs: u32) {
    say::step("the rate limit");
    // First, while the most that the process has had is what it has.
    let before = peak_rss_mib(std::process::id());
    let rates = Rates::register(&mut Registry::default());
    for n in 0..KEPT {
        black_box(request(&rates, n, false));
    }
    let taken = peak_rss_mib(std::process::id()) - before;
    drop(rates);
    report.add("rate.bytes_per_bucket", "bytes", None, vec![taken * 1_048_576.0 / f64::from(KEPT)]);
    for (name, users, callers) in
        [("rate.anonymous", false, CALLERS), ("rate.user", true, CALLERS), ("rate.new_addresses", false, u32::MAX)]
    {
        for (threads, suffix) in [(1, ""), (2, "_two_at_once")] {
            let rates = Rates::register(&mut Registry::default());
            let mut refused = 0;
            // The first run warms up; for new addresses each begins where the last one ended.
            let times: Vec<f64> = (0..=runs)
                .map(|run| {
                    let (time, wrong) = checks(&rates, run * 2 * REQUESTS, threads, users, callers);
                    refused += wrong;
                    time
                })
                .skip(1)
                .collect();
            report.add(format!("{name}{suffix}"), "µs", Some(GOAL), times);
            report.add(
                format!("{name}{suffix}_refused"),
                "requests",
                Some(Goal::Exactly(0.0)),
                vec![f64::from(refused)],
            );
        }
    }
}

fn request(rates: &Rates, n: u32, user: bool) -> bool {
    let address = ClientAddress::from(std::net::IpAddr::from(Ipv6Addr::from_bits(u128::from(n) << 64)));
    let user = user.then(|| UserId(Uuid::from_u128(n.into())));
    rates.request(black_box(Some(RATE)), address, user).is_ok()
}

/// Microseconds of a request, and how many were refused.
fn checks(rates: &Rates, from: u32, threads: u32, users: bool, callers: u32) -> (f64, u32) {
    let started = Instant::now();
    let refused = thread::scope(|scope| {
        let work: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let from = from + thread * REQUESTS;
                    (from..from + REQUESTS).filter(|n| !request(rates, n % callers, users)).count()
                })
            })
            .collect();
        work.into_iter().map(|work| work.join().unwrap_or(usize::MAX)).fold(0, usize::saturating_add)
    });
    let time = started.elapsed().as_secs_f64() * 1e6 / f64::from(REQUESTS);
    (time, u32::try_from(refused).unwrap_or(u32::MAX))
}
