use http::HeaderValue;
use proptest::prelude::*;

use super::*;

const PROXIES: &str = "10.0.0.0/8, 192.0.2.7,2001:db8:1::/48 ,::ffff:172.16.0.0/108,";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The client of a request that comes from `peer` with these lines.
fn client(peer: &str, header: ForwardedHeader, lines: &[&str]) -> ClientAddress {
    let name = if header == ForwardedHeader::Forwarded { FORWARDED } else { X_FORWARDED_FOR };
    let headers = lines.iter().map(|line| (name.clone(), HeaderValue::from_bytes(line.as_bytes()).unwrap())).collect();
    PROXIES.parse::<TrustedProxies>().unwrap().client(ip(peer), header, &headers)
}

#[test]
fn who_is_no_proxy_of_ours_is_the_client_whatever_it_says() {
    let says = HeaderMap::from_iter([(X_FORWARDED_FOR, HeaderValue::from_static("198.51.100.1"))]);
    let nobody = TrustedProxies::default();
    for peer in ["10.0.0.1", "127.0.0.1", "2001:db8:1::1"] {
        assert_eq!(nobody.client(ip(peer), ForwardedHeader::XForwardedFor, &says), ip(peer).into(), "{peer}");
    }
    for peer in ["11.0.0.1", "192.0.2.8", "2001:db8:2::1", "127.0.0.1"] {
        assert_eq!(client(peer, ForwardedHeader::XForwardedFor, &["198.51.100.1"]), ip(peer).into(), "{peer}");
    }
}

#[test]
fn behind_proxies_it_is_the_last_address_that_is_none() {
    use ForwardedHeader::XForwardedFor;
    for (lines, address) in [
        (&["198.51.100.1"][..], "198.51.100.1"),
        (&["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        (&["1.1.1.1, 198.51.100.1 ,10.9.9.9,192.0.2.7"], "198.51.100.1"),
        (&["1.1.1.1, 198.51.100.1", "10.9.9.9"], "198.51.100.1"),
        (&["198.51.100.1:4711"], "198.51.100.1"),
        (&["::ffff:198.51.100.1, ::ffff:10.0.0.3, 172.16.0.1"], "198.51.100.1"),
        (&["2001:db8:2::1, 2001:db8:1::5"], "2001:db8:2::"),
        (&["[2001:db8:2::1]:80"], "2001:db8:2::"),
        (&["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
    ] {
        for peer in ["10.0.0.1", "::ffff:10.0.0.1", "192.0.2.7", "2001:db8:1:2::3"] {
            assert_eq!(client(peer, XForwardedFor, lines), ip(address).into(), "{lines:?}");
        }
    }
}

#[test]
fn what_a_proxy_says_that_nobody_can_read_leaves_the_proxy() {
    for line in ["", "unknown", "1.1.1.1,", "1.1.1.1, ,", "1.1.1", "1.1.1.1:x", "[::1", "fe80::1%eth0", "évil"] {
        assert_eq!(client("10.0.0.1", ForwardedHeader::XForwardedFor, &[line]), ip("10.0.0.1").into(), "{line}");
    }
    let long = format!("{}198.51.100.1", " ".repeat(MAX_HOP_BYTES));
    assert_eq!(client("10.0.0.1", ForwardedHeader::XForwardedFor, &[&long]), ip("10.0.0.1").into());
    let many = format!("198.51.100.1{}", ", 10.3.3.3".repeat(MAX_HOPS));
    assert_eq!(client("10.0.0.1", ForwardedHeader::XForwardedFor, &[&many]), ip("10.3.3.3").into());
}

#[test]
fn forwarded_is_read_where_the_operator_says_so_and_nothing_else() {
    use ForwardedHeader::Forwarded;
    for (lines, address) in [
        (&["for=198.51.100.1"][..], "198.51.100.1"),
        (&["for=1.1.1.1, For=\"198.51.100.1:80\";proto=https;by=10.0.0.2"], "198.51.100.1"),
        (&["proto=https; for=\"[2001:db8:2::1]:4711\", for=10.0.0.2"], "2001:db8:2::"),
        // What a client left open does not hide what a proxy wrote.
        (&["for=\"1.1.1.1, for=198.51.100.1"], "198.51.100.1"),
        (&["for=unknown"], "10.0.0.1"),
        (&["for=_hidden, by=10.0.0.2"], "10.0.0.1"),
        (&["198.51.100.1"], "10.0.0.1"),
    ] {
        assert_eq!(client("10.0.0.1", Forwarded, lines), ip(address).into(), "{lines:?}");
    }
    let proxies: TrustedProxies = PROXIES.parse().unwrap();
    let other = HeaderMap::from_iter([(X_FORWARDED_FOR, HeaderValue::from_static("1.1.1.1"))]);
    assert_eq!(proxies.client(ip("10.0.0.1"), Forwarded, &other), ip("10.0.0.1").into());
}

#[test]
fn ipv6_counts_by_its_network_and_ipv4_by_itself() {
    let of = |text: &str| ClientAddress::from(ip(text));
    assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1:2:3"));
    assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    assert_eq!(of("::ffff:1.2.3.4"), of("1.2.3.4"));
    assert_ne!(of("1.2.3.4"), of("1.2.3.5"));
}

#[test]
fn a_list_of_networks_is_right_or_refused() {
    assert_eq!("".parse(), Ok(TrustedProxies::default()));
    assert_eq!("10.1.2.3/8".parse::<TrustedProxies>(), "10.0.0.0/8".parse());
    for (list, why) in [
        ("10.0.0.0/33", "neither"),
        ("proxy.example", "neither"),
        ("10.0.0.1 10.0.0.2", "neither"),
        ("10.0.0.0/8, 0.0.0.0/0", "every client"),
        ("::/0", "every client"),
        ("::ffff:0:0/96", "every client"),
    ] {
        let refusal = list.parse::<TrustedProxies>().unwrap_err().to_string();
        assert!(refusal.contains(why), "{list}: {refusal}");
    }
}

proptest! {
    /// Whatever is in the header, what the nearest proxy wrote counts.
    #[test]
    fn nothing_that_a_client_sends_makes_it_panic_or_believed(
        sent in "[ -~\t]{0,80}", list in "[0-9a-f.:,/ ]{0,20}", forwarded in any::<bool>(),
    ) {
        let _ = list.parse::<TrustedProxies>();
        let (header, line) = if forwarded {
            (ForwardedHeader::Forwarded, format!("{sent}, for=198.51.100.1"))
        } else {
            (ForwardedHeader::XForwardedFor, format!("{sent}, 198.51.100.1"))
        };
        prop_assert_eq!(client("10.0.0.1", header, &[&line]), ip("198.51.100.1").into());
        client("10.0.0.1", header, &[&sent]);
    }
}
