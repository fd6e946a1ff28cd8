//! What a request calls this machine. A page whose name was made to lead here (DNS rebinding) is of our own origin for a browser:
//! it may send anything and read what comes back. Only the name tells. It is looked at where all callers are on this machine.

use std::net::IpAddr;

use http::{header::HOST, request::Parts, uri::Authority};

/// Whether it is a name that leads nowhere else: `localhost`, a name below it, or an address of loopback, with any port.
pub(crate) fn is_loopback(head: &Parts) -> bool {
    let named = || head.headers.get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    // HTTP/2 has it in the URL.
    head.uri.authority().cloned().or_else(named).is_some_and(|authority| {
        let host = authority.host();
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        match address.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => host.rsplit('.').next().is_some_and(|top| top.eq_ignore_ascii_case("localhost")),
        }
    })
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(url: &str, host: Option<&str>) -> Parts {
        let request = Request::get(url);
        let request = match host {
            Some(host) => request.header(HOST, host),
            None => request,
        };
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_names_that_lead_nowhere_else_are_ours() {
        for host in
            ["localhost", "LocalHost:8080", "app.localhost:1", "127.0.0.1", "127.0.0.2:80", "[::1]", "[::1]:8080"]
        {
            assert!(is_loopback(&head("/graphql", Some(host))), "{host}");
            assert!(is_loopback(&head(&format!("http://{host}/graphql"), None)), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "notlocalhost",
            "127.0.0.1.evil.example",
            "127.1",
            "10.0.0.1",
            "0.0.0.0",
            "[::]:8080",
            "localhost.",
            "",
        ] {
            assert!(!is_loopback(&head("/graphql", Some(host))), "{host}");
        }
        assert!(!is_loopback(&head("/graphql", None)));
        assert!(!is_loopback(&head("http://evil.example/graphql", Some("localhost"))), "the URL counts");
    }
}
