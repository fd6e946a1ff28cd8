//! Mints tokens for development, tests and figures. A real deployment has an identity provider for that.

use std::time::Duration;

use nova_core::{
    UserId,
    clock::Clock,
    token::{AUDIENCE, Claims, ISSUER, TokenError, TokenSecret, TokenType},
};

/// A token for `user`, valid from now for `ttl`, with the space-separated scopes of `scope`.
///
/// # Errors
/// [`TokenError::Invalid`] when the token can't be written.
pub fn mint(
    secret: &TokenSecret,
    clock: &dyn Clock,
    user: UserId,
    token_type: TokenType,
    scope: &str,
    ttl: Duration,
) -> Result<String, TokenError> {
    let iat = clock.now().timestamp();
    secret.sign(&Claims {
        iss: ISSUER.into(),
        aud: AUDIENCE.into(),
        sub: user.0,
        exp: iat.saturating_add_unsigned(ttl.as_secs()),
        iat,
        token_type,
        scope: scope.into(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;
    use nova_core::{clock::FixedClock, token::TokenVerifier};
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn a_minted_token_passes_the_verifier_until_its_time_and_the_leeway_are_up() {
        let secret = TokenSecret::new([7; 32]).unwrap();
        let at = |seconds: i64| FixedClock(DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap());
        let user = UserId(Uuid::from_u128(5));
        let token = mint(&secret, &at(0), user, TokenType::Access, "debug", Duration::from_mins(1)).unwrap();
        let viewer = TokenVerifier::new(&secret, Arc::new(at(89))).verify(&token).await.unwrap();
        assert_eq!(viewer.user_id, user);
        assert!(viewer.scopes.debug);
        let late = TokenVerifier::new(&secret, Arc::new(at(90))).verify(&token).await;
        assert_eq!(late.unwrap_err(), TokenError::Expired);
    }
}
