//! Who may read, and who may act.

use std::net::IpAddr;

use http::HeaderMap;
use nova_core::{Viewer, token::TokenVerifier};

use crate::{auth, http::refusal::Refusal};

/// Whether `peer` may read: who is on the same machine may, who comes from elsewhere needs a token with scope `ops`.
pub(super) async fn may_read(peer: IpAddr, headers: &HeaderMap, verifier: &TokenVerifier) -> Result<(), Refusal> {
    if peer.to_canonical().is_loopback() {
        return Ok(());
    }
    may_act(headers, verifier).await.map(drop)
}

/// Who acts: from wherever it comes, it needs a token with scope `ops`. So no page makes a browser act: `authorization` is one
/// of the headers that it can't send to another site without asking first, and we say no.
pub(super) async fn may_act(headers: &HeaderMap, verifier: &TokenVerifier) -> Result<Viewer, Refusal> {
    match auth::viewer(headers, verifier).await? {
        Some(viewer) if viewer.scopes.ops => Ok(viewer),
        Some(_) => Err(Refusal::Scope("ops")),
        None => Err(Refusal::TokenMissing),
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, sync::Arc};

    use http::header;
    use nova_core::{
        clock::FixedClock,
        token::{AUDIENCE, Claims, ISSUER, TokenSecret, TokenType},
    };

    use super::*;

    #[tokio::test]
    async fn reads_are_free_here_and_need_the_scope_from_elsewhere_and_actions_need_it_always() {
        let secret = TokenSecret::new([7; 32]).unwrap();
        let verifier = TokenVerifier::new(&secret, Arc::new(FixedClock(std::time::UNIX_EPOCH.into())));
        let with = |scope: &str| {
            let claims = Claims {
                iss: ISSUER.into(),
                aud: AUDIENCE.into(),
                sub: serde_json::from_value("00000000-0000-7000-8000-000000000007".into()).unwrap(),
                exp: 1,
                iat: 0,
                token_type: TokenType::Access,
                scope: scope.into(),
            };
            let value = format!("Bearer {}", secret.sign(&claims).unwrap()).parse().unwrap();
            HeaderMap::from_iter([(header::AUTHORIZATION, value)])
        };
        let elsewhere = IpAddr::from(Ipv4Addr::new(10, 0, 0, 1));
        for here in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv4Addr::LOCALHOST.to_ipv6_mapped().into()] {
            assert_eq!(may_read(here, &HeaderMap::new(), &verifier).await, Ok(()));
        }
        assert_eq!(may_read(elsewhere, &with("ops"), &verifier).await, Ok(()));
        assert!(may_act(&with("ops"), &verifier).await.is_ok());
        for (headers, refusal) in [(with("debug"), Refusal::Scope("ops")), (HeaderMap::new(), Refusal::TokenMissing)] {
            assert_eq!(may_read(elsewhere, &headers, &verifier).await.unwrap_err(), refusal);
            assert_eq!(may_act(&headers, &verifier).await.unwrap_err(), refusal);
        }
    }
}
