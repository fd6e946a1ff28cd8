use std::net::IpAddr;

use nova_flags::CostBudget;
use prometheus_client::encoding::text::encode;
use uuid::Uuid;

use super::*;

fn rate(mode: Mode) -> Rate {
    Rate { per_minute: 1, burst: 2, address_per_minute: 1, address_burst: 4, mode }
}

fn from(address: &str) -> ClientAddress {
    address.parse::<IpAddr>().unwrap().into()
}

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

/// How many of so many requests go on, and what refuses the first that does not.
fn accepted(
    rates: &Rates,
    rate: impl Into<Option<Rate>>,
    address: &str,
    user: impl Into<Option<UserId>>,
) -> (usize, Option<Limit>) {
    let (rate, user) = (rate.into(), user.into());
    let answers: Vec<_> = (0..20).map(|_| rates.request(rate, from(address), user)).collect();
    let refused = answers.iter().find_map(|answer| answer.err());
    (answers.iter().filter(|answer| answer.is_ok()).count(), refused.map(|limited| limited.limit))
}

#[tokio::test(start_paused = true)]
async fn a_request_counts_against_its_address_and_a_user_too() {
    let rates = Rates::register(&mut Registry::default());
    let enforce = rate(Mode::Enforce);
    assert_eq!(accepted(&rates, enforce, "1.1.1.1", user(1)), (2, Some(Limit::User)));
    assert_eq!(accepted(&rates, enforce, "1.1.1.2", user(1)), (0, Some(Limit::User)), "also from elsewhere");
    assert_eq!(accepted(&rates, enforce, "1.1.1.3", user(2)), (2, Some(Limit::User)), "others are not touched");
    assert_eq!(accepted(&rates, enforce, "1.1.1.4", None), (4, Some(Limit::Address)));
    assert_eq!(accepted(&rates, enforce, "1.1.1.4", user(3)), (0, Some(Limit::Address)), "a token opens no address");
    assert_eq!(accepted(&rates, enforce, "1.1.1.5", user(3)), (2, Some(Limit::User)), "and was not charged for it");
}

#[tokio::test(start_paused = true)]
async fn measuring_refuses_nothing_and_counts_what_it_would() {
    let mut registry = Registry::default();
    let rates = Rates::register(&mut registry);
    assert_eq!(accepted(&rates, None, "1.1.1.1", user(1)), (20, None));
    assert_eq!(accepted(&rates, rate(Mode::Measure), "1.1.1.1", user(1)), (20, None));
    assert_eq!(accepted(&rates, rate(Mode::Enforce), "1.1.1.2", None).0, 4);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        r#"nova_rate_checks_total{limit="address",outcome="allowed"} 8"#,
        r#"nova_rate_checks_total{limit="address",outcome="would_limit"} 16"#,
        r#"nova_rate_checks_total{limit="address",outcome="limited"} 16"#,
        r#"nova_rate_checks_total{limit="user",outcome="allowed"} 2"#,
        r#"nova_rate_checks_total{limit="user",outcome="would_limit"} 18"#,
        "nova_rate_buckets 3",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(!text.contains("1.1.1") && !format!("{:?}", rates.buckets).contains("1.1.1"));
    let view = serde_json::to_value(rates.view()).unwrap();
    assert_eq!((&view["buckets"], &view["checks"]["user"]["would_limit"]), (&3.into(), &18.into()), "{view}");
}

#[tokio::test(start_paused = true)]
async fn an_operation_spends_what_it_costs_or_nothing() {
    let rates = Rates::register(&mut Registry::default());
    let budget = |mode| Some(CostBudget { per_minute: 60, burst: 100, mode });
    let caller = Caller::Address(from("1.1.1.1"));
    let purse = rates.purse(budget(Mode::Enforce), caller);
    let later = |seconds| Err(Overspent::ForNow(Limited { limit: Limit::Cost, wait: Duration::from_secs(seconds) }));
    assert_eq!([70, 40, 30, 0, 1].map(|cost| purse.spend(cost)), [Ok(()), later(10), Ok(()), Ok(()), later(1)]);
    assert_eq!(rates.purse(budget(Mode::Enforce), Caller::User(user(1))).spend(100), Ok(()), "each has their own");
    for cost in [101, u64::MAX] {
        assert_eq!(purse.spend(cost), Err(Overspent::Always { cost, most: 100 }));
    }
    for lenient in [None, budget(Mode::Measure)] {
        assert_eq!(rates.purse(lenient, caller).spend(u64::MAX), Ok(()));
    }
    let view = serde_json::to_value(rates.view()).unwrap();
    assert_eq!(view["checks"]["cost"], serde_json::json!({ "allowed": 4, "limited": 4, "would_limit": 1 }));
}

#[test]
fn a_wait_is_rounded_up() {
    for (nanos, seconds, millis) in [(1, 1, 1), (1_000_000_000, 1, 1_000), (1_000_000_001, 2, 1_001)] {
        let limited = Limited { limit: Limit::User, wait: Duration::from_nanos(nanos) };
        assert_eq!((limited.seconds(), limited.millis()), (seconds, millis));
        assert_eq!(limited.to_string(), format!("too many requests of this user: try again in {seconds} s"));
    }
}
