//! From which address a request comes: the peer's, unless the peer is a proxy that the operator trusts. Then it is what that
//! proxy says, as far back as there are trusted proxies. What a client says about itself is never believed.
//!
//! One header is read, the one that the operator's proxies write. Reading whichever is there would let a client choose: a
//! proxy that writes one of them often passes the other on as it came.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use http::{HeaderMap, HeaderName, header::FORWARDED};
use ipnet::{IpNet, Ipv4Net};

/// Proxies that one request is followed back through.
const MAX_HOPS: usize = 32;
/// Longest hop that is looked at, in bytes: an IPv6 address, quoted, in brackets, with a port and the parameters beside it.
const MAX_HOP_BYTES: usize = 512;
/// What of an IPv6 address counts: a household, or a machine in a data centre, has at least these bits to itself.
const IPV6_PREFIX: u128 = !0 << 64;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// An address to count by: an IPv4 address, or the /64 network of an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & IPV6_PREFIX).into(),
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// The header in which the operator's proxies say for whom they ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: addresses, the nearest last.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239), of which `for` is read.
    Forwarded,
}

/// Networks whose word on the client's address is taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedProxies(Vec<IpNet>);

/// Why a list of networks is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Neither an address nor a network.
    #[error("`{0}` is neither an address nor a network such as 10.0.0.0/8")]
    Malformed(String),
    /// All addresses there are.
    #[error("`{0}` would let every client choose its address: name the proxies")]
    Everybody(String),
}

impl FromStr for TrustedProxies {
    type Err = NetworkError;

    fn from_str(list: &str) -> Result<Self, NetworkError> {
        list.split(',')
            .map(str::trim)
            .filter(|network| !network.is_empty())
            .map(network)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// An address, or an address and the length of its prefix; IPv4 in IPv6's clothes is IPv4.
fn network(text: &str) -> Result<IpNet, NetworkError> {
    let malformed = || NetworkError::Malformed(text.to_owned());
    let network = match text.parse::<IpNet>() {
        Ok(network) => network,
        Err(_) => IpNet::from(text.parse::<IpAddr>().map_err(|_| malformed())?),
    };
    let network = match (network.addr().to_canonical(), network.prefix_len().checked_sub(96)) {
        (IpAddr::V4(address), Some(prefix)) if network.addr().is_ipv6() => {
            IpNet::V4(Ipv4Net::new(address, prefix).map_err(|_| malformed())?)
        }
        _ => network,
    };
    if network.prefix_len() == 0 { Err(NetworkError::Everybody(text.to_owned())) } else { Ok(network.trunc()) }
}

impl TrustedProxies {
    /// The client's address: walking back from `peer`, the first that is no trusted proxy. Where a proxy says nothing that
    /// can be read, it is the proxy's own.
    #[must_use]
    pub fn client(&self, peer: IpAddr, header: ForwardedHeader, headers: &HeaderMap) -> ClientAddress {
        let mut address = peer.to_canonical();
        let mut hops = hops(header, headers).take(MAX_HOPS);
        while self.trust(address)
            && let Some(before) = hops.next().and_then(|hop| read(header, hop))
        {
            address = before.to_canonical();
        }
        address.into()
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// What proxies said, the nearest first. Commas are taken for what they are without looking for quotes: the text on the left is
/// the client's, and a quote that it opens must not swallow what a proxy wrote behind it.
fn hops(header: ForwardedHeader, headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let name = match header {
        ForwardedHeader::XForwardedFor => X_FORWARDED_FOR,
        ForwardedHeader::Forwarded => FORWARDED,
    };
    headers.get_all(name).into_iter().rev().flat_map(|line| line.to_str().unwrap_or_default().rsplit(','))
}

fn read(header: ForwardedHeader, hop: &str) -> Option<IpAddr> {
    if hop.len() > MAX_HOP_BYTES {
        return None;
    }
    match header {
        ForwardedHeader::XForwardedFor => node(hop.trim()),
        ForwardedHeader::Forwarded => {
            let mut pairs = hop.split(';').filter_map(|pair| pair.split_once('='));
            let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
            let value = value.trim();
            node(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
        }
    }
}

/// An address, with brackets and a port or without.
fn node(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests;
