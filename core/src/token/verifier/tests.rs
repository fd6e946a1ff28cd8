//! What is accepted and what is not, on real signatures.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;
use parking_lot::Mutex;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::clock::FixedClock;

const NOW: i64 = 1_800_000_000;

fn at(seconds: i64) -> SharedClock {
    Arc::new(FixedClock(DateTime::from_timestamp(seconds, 0).unwrap()))
}

fn secret() -> TokenSecret {
    TokenSecret::new(*b"0123456789abcdef0123456789abcdef").unwrap()
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": Uuid::from_u128(7), "exp": NOW + 60, "iat": NOW,
        "token_type": "access", "scope": "debug",
    })
}

fn claims_with(member: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[member] = value;
    claims
}

/// `header.payload.signature`, whatever they are.
fn token(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", text(header), text(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn hs256(key: &[u8], claims: &Value) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
    token(&json!({ "alg": "HS256" }), claims, |signed| ring::hmac::sign(&key, signed).as_ref().to_vec())
}

/// A key pair on each curve, and the set that publishes them.
struct Issuer {
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

impl Issuer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let ec = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        Self {
            ec: EcdsaKeyPair::from_pkcs8(algorithm, ec.as_ref(), &random).unwrap(),
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap(),
        }
    }

    fn es256(&self, header: &Value, claims: &Value) -> String {
        token(header, claims, |signed| self.ec.sign(&SystemRandom::new(), signed).unwrap().as_ref().to_vec())
    }

    fn eddsa(&self, header: &Value, claims: &Value) -> String {
        token(header, claims, |signed| self.ed.sign(signed).as_ref().to_vec())
    }

    fn keys(&self, curve: &str, edwards: &str) -> KeySet {
        let point = URL_SAFE_NO_PAD.encode(&self.ec.public_key().as_ref()[1..33]);
        let other = URL_SAFE_NO_PAD.encode(&self.ec.public_key().as_ref()[33..]);
        let set = json!({ "keys": [
            { "kty": "EC", "crv": "P-256", "kid": curve, "x": point, "y": other },
            { "kty": "OKP", "crv": "Ed25519", "kid": edwards, "x": URL_SAFE_NO_PAD.encode(self.ed.public_key()) },
        ]});
        KeySet::from_jwks(set.to_string().as_bytes()).unwrap().0
    }

    fn verifier(&self) -> TokenVerifier {
        TokenVerifier::fixed(self.keys("c", "d"), TokenRules::default(), at(NOW))
    }
}

async fn refusal(verifier: &TokenVerifier, token: &str) -> TokenError {
    verifier.verify(token).await.unwrap_err()
}

#[tokio::test]
async fn a_good_token_names_its_viewer() {
    let verifier = TokenVerifier::new(&secret(), at(NOW));
    for _ in 0..2 {
        let viewer = verifier.verify(&hs256(secret().expose(), &claims())).await.unwrap();
        assert_eq!(viewer.user_id, UserId(Uuid::from_u128(7)));
        assert!(viewer.scopes.debug && !viewer.scopes.ops);
    }
    let issuer = Issuer::new();
    for token in [
        issuer.es256(&json!({ "alg": "ES256", "kid": "c" }), &claims()),
        issuer.es256(&json!({ "alg": "ES256" }), &claims_with("aud", json!(["other", AUDIENCE]))),
        issuer.eddsa(&json!({ "alg": "EdDSA", "kid": "d", "typ": "at+jwt" }), &claims_with("nbf", json!(NOW))),
    ] {
        assert_eq!(issuer.verifier().verify(&token).await.unwrap().user_id, UserId(Uuid::from_u128(7)), "{token}");
    }
}

#[tokio::test]
async fn every_claim_is_checked() {
    let verifier = TokenVerifier::new(&secret(), at(NOW));
    let refused = async |claims: &Value| refusal(&verifier, &hs256(secret().expose(), claims)).await;
    assert_eq!(refused(&claims_with("iss", json!("other"))).await, TokenError::Issuer);
    assert_eq!(refused(&claims_with("aud", json!("other"))).await, TokenError::Audience);
    assert_eq!(refused(&claims_with("aud", json!(["other"]))).await, TokenError::Audience);
    assert_eq!(refused(&claims_with("aud", json!([]))).await, TokenError::Audience);
    assert_eq!(refused(&claims_with("token_type", json!("refresh"))).await, TokenError::Type);
    for claim in ["iss", "aud", "sub", "exp", "iat", "token_type"] {
        let mut without = claims();
        without.as_object_mut().unwrap().remove(claim);
        assert_eq!(refused(&without).await, TokenError::Invalid, "without {claim}");
        assert_eq!(refused(&claims_with(claim, json!(null))).await, TokenError::Invalid, "{claim} is null");
    }
    for (claim, value) in [("exp", json!("soon")), ("exp", json!(1e300)), ("sub", json!("bob")), ("nbf", json!("now"))]
    {
        assert_eq!(refused(&claims_with(claim, value)).await, TokenError::Invalid, "{claim}");
    }
}

#[tokio::test]
async fn clocks_may_differ_by_the_leeway_and_no_more() {
    let rules = || TokenRules { leeway: Duration::from_secs(10), ..TokenRules::default() };
    let valid = hs256(secret().expose(), &claims_with("nbf", json!(NOW)));
    for (now, outcome) in [
        (NOW - 11, Err(TokenError::Early)),
        (NOW - 10, Ok(())),
        (NOW + 69, Ok(())),
        (NOW + 70, Err(TokenError::Expired)),
    ] {
        let verifier = TokenVerifier::fixed(KeySet::secret(&secret()), rules(), at(now));
        assert_eq!(verifier.verify(&valid).await.map(drop), outcome, "{now}");
    }
    for (exp, nbf) in [(i64::MAX, i64::MIN), (i64::MIN, i64::MAX)] {
        let mut extreme = claims_with("exp", json!(exp));
        extreme["nbf"] = json!(nbf);
        let verifier = TokenVerifier::fixed(KeySet::secret(&secret()), rules(), at(NOW));
        let outcome = verifier.verify(&hs256(secret().expose(), &extreme)).await;
        assert_eq!(outcome.is_ok(), exp == i64::MAX);
    }
}

/// A clock that a test moves.
#[derive(Debug)]
struct Moved(Mutex<i64>);

impl crate::clock::Clock for Moved {
    fn now(&self) -> DateTime<chrono::Utc> {
        DateTime::from_timestamp(*self.0.lock(), 0).unwrap()
    }
}

#[tokio::test]
async fn a_remembered_token_ends_when_it_ends() {
    let clock = Arc::new(Moved(Mutex::new(NOW)));
    let shared: SharedClock = Arc::<Moved>::clone(&clock);
    let verifier = TokenVerifier::fixed(KeySet::secret(&secret()), TokenRules::default(), shared);
    let token = hs256(secret().expose(), &claims());
    verifier.verify(&token).await.unwrap();
    *clock.0.lock() = NOW + 89;
    verifier.verify(&token).await.unwrap();
    *clock.0.lock() = NOW + 90;
    assert_eq!(refusal(&verifier, &token).await, TokenError::Expired);
}

#[tokio::test]
async fn a_key_is_used_with_its_own_algorithm_only() {
    let issuer = Issuer::new();
    let verifier = issuer.verifier();
    // The public key as an HMAC secret, in every form that somebody could mistake for one.
    let point = issuer.ec.public_key().as_ref();
    let secrets = [point.to_vec(), point[1..].to_vec(), issuer.ed.public_key().as_ref().to_vec(), Vec::new()];
    for secret in secrets {
        assert_eq!(refusal(&verifier, &hs256(&secret, &claims())).await, TokenError::Algorithm);
    }
    for (header, error) in [
        (json!({ "alg": "none" }), TokenError::Algorithm),
        (json!({ "alg": "EdDSA", "kid": "c" }), TokenError::Algorithm),
        (json!({ "alg": "RS256" }), TokenError::Algorithm),
        (json!({ "alg": "ES256", "kid": "C" }), TokenError::Key),
        (json!({ "alg": "ES256", "crit": ["exp"] }), TokenError::Extension),
        (json!({ "alg": "EdDSA" }), TokenError::Invalid),
    ] {
        assert_eq!(refusal(&verifier, &issuer.es256(&header, &claims())).await, error, "{header}");
    }
    let stranger = Issuer::new().es256(&json!({ "alg": "ES256", "kid": "c" }), &claims());
    assert_eq!(refusal(&verifier, &stranger).await, TokenError::Invalid);
    let header = json!({ "alg": "none" });
    assert_eq!(refusal(&verifier, &token(&header, &claims(), |_| Vec::new())).await, TokenError::Algorithm);
}

/// An issuer whose keys change when somebody misses one.
#[derive(Debug)]
struct Source {
    keys: Mutex<Option<Arc<KeySet>>>,
    next: Mutex<Option<Arc<KeySet>>>,
    missed: Mutex<u32>,
}

impl KeySource for Source {
    fn keys(&self) -> Option<Arc<KeySet>> {
        self.keys.lock().clone()
    }

    fn missed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            *self.missed.lock() += 1;
            if let Some(next) = self.next.lock().take() {
                *self.keys.lock() = Some(next);
            }
        })
    }
}

#[tokio::test]
async fn published_keys_are_asked_for_when_one_is_missed_and_only_then() {
    let issuer = Issuer::new();
    let source = Arc::new(Source { keys: Mutex::new(None), next: Mutex::new(None), missed: Mutex::new(0) });
    let verifier = TokenVerifier::published(Arc::<Source>::clone(&source), TokenRules::default(), at(NOW));
    let token = |kid: &str| issuer.es256(&json!({ "alg": "ES256", "kid": kid }), &claims());
    assert_eq!(refusal(&verifier, &token("c")).await, TokenError::Unavailable);
    assert_eq!(refusal(&verifier, &hs256(&[7; 32], &claims())).await, TokenError::Algorithm);
    assert_eq!(*source.missed.lock(), 1, "nobody publishes a secret");

    *source.next.lock() = Some(Arc::new(issuer.keys("c", "d")));
    verifier.verify(&token("c")).await.unwrap();
    assert_eq!(*source.missed.lock(), 2);
    // Neither what fits nor what is plainly wrong asks again.
    verifier.verify(&token("c")).await.unwrap();
    let wrong = issuer.es256(&json!({ "alg": "ES256", "kid": "d" }), &claims());
    assert_eq!(refusal(&verifier, &wrong).await, TokenError::Algorithm);
    assert_eq!(
        refusal(&verifier, &Issuer::new().es256(&json!({ "alg": "ES256", "kid": "c" }), &claims())).await,
        TokenError::Invalid
    );
    assert_eq!(*source.missed.lock(), 2);

    assert_eq!(refusal(&verifier, &token("new")).await, TokenError::Key);
    *source.next.lock() = Some(Arc::new(issuer.keys("new", "d")));
    verifier.verify(&token("new")).await.unwrap();
    assert_eq!(*source.missed.lock(), 4);
    // What was verified by a key that is gone is not remembered.
    assert_eq!(refusal(&verifier, &token("c")).await, TokenError::Key);
}

#[tokio::test]
async fn a_token_of_a_key_that_is_gone_is_forgotten() {
    let (old, new) = (Issuer::new(), Issuer::new());
    let source = Arc::new(Source {
        keys: Mutex::new(Some(Arc::new(old.keys("c", "d")))),
        next: Mutex::new(None),
        missed: Mutex::new(0),
    });
    let verifier = TokenVerifier::published(Arc::<Source>::clone(&source), TokenRules::default(), at(NOW));
    let token = old.eddsa(&json!({ "alg": "EdDSA", "kid": "d" }), &claims());
    verifier.verify(&token).await.unwrap();
    *source.keys.lock() = Some(Arc::new(new.keys("c", "d")));
    assert_eq!(refusal(&verifier, &token).await, TokenError::Invalid);
}

#[tokio::test]
async fn text_that_is_no_token_is_refused() {
    let verifier = TokenVerifier::new(&secret(), at(NOW));
    for text in ["", ".", "..", "a.b.c", &"x".repeat(100_000)] {
        assert_eq!(refusal(&verifier, text).await, TokenError::Invalid);
    }
    let foreign = hs256(&[9; 32], &claims());
    assert_eq!(refusal(&verifier, &foreign).await, TokenError::Invalid);
}
