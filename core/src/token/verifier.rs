//! From a token to a viewer: signature first, then every claim.
//!
//! A signature by a public key costs 30 to 80 µs to verify, and one request has its token verified by the gateway and by each
//! service that needs the viewer. So what was verified is remembered: by the hash of the whole token, for as long as the same
//! keys are trusted. Times are checked each time.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use moka::sync::Cache;
use ring::digest::{SHA256, digest};

use super::{
    AUDIENCE, Algorithm, ISSUER, TokenError, TokenSecret, TokenType,
    claims::Presented,
    jws::Jws,
    key::{KeySet, Verdict},
};
use crate::{Credential, Scopes, UserId, Viewer, clock::SharedClock};

/// Tokens that are remembered at a time, about 200 bytes each.
const REMEMBERED: u64 = 20_000;

/// What a token must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRules {
    /// Its `iss`.
    pub issuer: String,
    /// Its `aud`, or one of them.
    pub audience: String,
    /// By how much the issuer's clock and ours may differ: `exp` and `nbf` are taken this much more kindly.
    pub leeway: Duration,
}

impl Default for TokenRules {
    fn default() -> Self {
        Self { issuer: ISSUER.into(), audience: AUDIENCE.into(), leeway: Duration::from_secs(30) }
    }
}

/// Where an issuer's keys come from. It bounds how often it asks the issuer, and how long anybody waits.
pub trait KeySource: Send + Sync + fmt::Debug + 'static {
    /// The keys as they were published last; `None` as long as there never were any.
    fn keys(&self) -> Option<Arc<KeySet>>;

    /// A token came that these keys don't fit, and they may be out of date. Ends when there is no use in waiting longer,
    /// whether [`keys`](Self::keys) has changed or not.
    fn missed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

enum Keys {
    /// They are what they are, until the next start.
    Fixed(Arc<KeySet>),
    /// They come and go. Never a shared secret.
    Published(Arc<dyn KeySource>),
}

/// What is remembered of a token.
#[derive(Clone)]
struct Verified {
    /// The keys of which one signed it.
    keys: Arc<KeySet>,
    user_id: UserId,
    scopes: Scopes,
    exp: i64,
    nbf: Option<i64>,
}

/// Turns a token into a [`Viewer`], or says why not.
pub struct TokenVerifier {
    keys: Keys,
    rules: TokenRules,
    clock: SharedClock,
    verified: Cache<[u8; 32], Verified>,
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenVerifier(..)")
    }
}

impl TokenVerifier {
    /// A verifier of tokens signed with `secret`, under the default rules, by the time of `clock`.
    #[must_use]
    pub fn new(secret: &TokenSecret, clock: SharedClock) -> Self {
        Self::fixed(KeySet::secret(secret), TokenRules::default(), clock)
    }

    /// A verifier of tokens signed by one of `keys`.
    #[must_use]
    pub fn fixed(keys: impl Into<Arc<KeySet>>, rules: TokenRules, clock: SharedClock) -> Self {
        Self::with(Keys::Fixed(keys.into()), rules, clock)
    }

    /// A verifier of tokens signed by the keys that an issuer publishes.
    #[must_use]
    pub fn published(source: Arc<dyn KeySource>, rules: TokenRules, clock: SharedClock) -> Self {
        Self::with(Keys::Published(source), rules, clock)
    }

    fn with(keys: Keys, rules: TokenRules, clock: SharedClock) -> Self {
        Self { keys, rules, clock, verified: Cache::new(REMEMBERED) }
    }

    /// The viewer that `token` speaks for. It waits only when the issuer's keys must be asked for.
    ///
    /// # Errors
    /// [`TokenError`] says what is wrong with it.
    pub async fn verify(&self, token: &str) -> Result<Viewer, TokenError> {
        let hash = digest(&SHA256, token.as_bytes()).as_ref().try_into().map_err(|_| TokenError::Invalid)?;
        let remembered = self.verified.get(&hash);
        let verified = match remembered {
            Some(verified) if self.trusts(&verified.keys) => verified,
            _ => {
                let verified = self.read(token).await?;
                self.verified.insert(hash, verified.clone());
                verified
            }
        };
        self.check_time(&verified)?;
        let Verified { user_id, scopes, .. } = verified;
        Ok(Viewer { user_id, scopes, credential: Credential::new(token) })
    }

    /// Whether these are the keys that are trusted now.
    fn trusts(&self, keys: &Arc<KeySet>) -> bool {
        match &self.keys {
            Keys::Fixed(fixed) => Arc::ptr_eq(fixed, keys),
            Keys::Published(source) => source.keys().is_some_and(|current| Arc::ptr_eq(&current, keys)),
        }
    }

    /// Everything about a token but its times.
    async fn read(&self, token: &str) -> Result<Verified, TokenError> {
        let jws = Jws::read(token)?;
        let keys = self.signed_by(&jws).await?;
        let claims: Presented = serde_json::from_slice(&jws.payload()?).map_err(|_| TokenError::Invalid)?;
        if claims.iss != self.rules.issuer {
            return Err(TokenError::Issuer);
        }
        if !claims.aud.includes(&self.rules.audience) {
            return Err(TokenError::Audience);
        }
        if claims.token_type != TokenType::Access {
            return Err(TokenError::Type);
        }
        let scopes = Scopes::parse(&claims.scope);
        Ok(Verified { keys, user_id: UserId(claims.sub), scopes, exp: claims.exp, nbf: claims.nbf })
    }

    fn check_time(&self, verified: &Verified) -> Result<(), TokenError> {
        let now = self.clock.now().timestamp();
        let leeway = self.rules.leeway.as_secs();
        if verified.exp <= now.saturating_sub_unsigned(leeway) {
            return Err(TokenError::Expired);
        }
        if verified.nbf.is_some_and(|nbf| nbf > now.saturating_add_unsigned(leeway)) {
            return Err(TokenError::Early);
        }
        Ok(())
    }

    /// The keys of which one signed the token.
    async fn signed_by(&self, jws: &Jws<'_>) -> Result<Arc<KeySet>, TokenError> {
        match &self.keys {
            Keys::Fixed(keys) => judged(keys, jws),
            // No issuer publishes its secrets: nothing to ask for.
            Keys::Published(_) if jws.algorithm == Algorithm::Hs256 => Err(TokenError::Algorithm),
            Keys::Published(source) => {
                if let Some(keys) = source.keys()
                    && keys.verify(jws) != Verdict::NoKey
                {
                    return judged(&keys, jws);
                }
                source.missed().await;
                judged(&source.keys().ok_or(TokenError::Unavailable)?, jws)
            }
        }
    }
}

fn judged(keys: &Arc<KeySet>, jws: &Jws<'_>) -> Result<Arc<KeySet>, TokenError> {
    match keys.verify(jws) {
        Verdict::Good => Ok(Arc::clone(keys)),
        Verdict::Bad => Err(TokenError::Invalid),
        Verdict::NoKey if keys.has(jws.algorithm) => Err(TokenError::Key),
        Verdict::NoKey | Verdict::OtherAlgorithm => Err(TokenError::Algorithm),
    }
}

#[cfg(test)]
mod tests;
