//! Tokens: signed by a key that the agency registered, checked for algorithm, issuer, audience and time, and
//! bound to the certificate of the connection (RFC 8705).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use sendhub_contracts::errors::v1::Reason;
use sendhub_domain::agency::{Agency, SigningKey, Thumbprint, TokenAlgorithm};
use sendhub_ledger::hash::sha256;
use serde::Deserialize;

use super::issuers::Issuers;
use super::spki::key_bits;

/// Verified tokens kept at most; the oldest knowledge is thrown away whole.
const KEPT: usize = 10_000;

/// What tokens must fulfil.
#[derive(Debug, Clone)]
pub struct TokenRules {
    /// The audience that every token must name.
    pub audience: String,
    /// Clock difference forgiven, in seconds.
    pub leeway_seconds: i64,
    /// The longest a token may live, in seconds.
    pub longest_seconds: i64,
}

/// What a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFacts {
    /// The acting person or system.
    pub subject: String,
    /// The role in which it acts.
    pub role: String,
    /// The token's own id.
    pub token_id: String,
    /// The last second, since 1970, at which it is good.
    pub expires_at: i64,
}

/// The claims as sent. All of them are needed.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    role: String,
    cnf: Confirmation,
    /// Whose people or systems the token speaks of; needed from an issuer that is no agency.
    agency: Option<String>,
}

/// The claim by which the keys are chosen, before anything of a token is believed.
#[derive(Deserialize)]
struct Unverified {
    iss: String,
}

/// One audience or several (RFC 7519 section 4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
}

/// What a verified token was verified with: it is good again only with the same.
#[derive(Debug, Clone)]
struct Verified {
    facts: Arc<TokenFacts>,
    agency: String,
    revision: u64,
    certificate: Thumbprint,
    /// Generation of the issuers' keys; 0 when the agency's own key signed.
    generation: u64,
}

/// Verifies tokens, and remembers those it has verified until they expire or the agency's entry changes.
#[derive(Debug)]
pub struct TokenVerifier {
    rules: TokenRules,
    issuers: Arc<ArcSwap<Issuers>>,
    kept: RwLock<HashMap<[u8; 32], Verified>>,
}

impl TokenVerifier {
    /// A verifier of these rules.
    #[must_use]
    pub fn new(rules: TokenRules) -> Self {
        Self::with_issuers(rules, Arc::default())
    }

    /// A verifier that accepts issuers beside the agencies too.
    #[must_use]
    pub fn with_issuers(rules: TokenRules, issuers: Arc<ArcSwap<Issuers>>) -> Self {
        Self {
            rules,
            issuers,
            kept: RwLock::default(),
        }
    }

    /// Verifies a token that came over a connection with this certificate, registered by this agency.
    ///
    /// # Errors
    /// The [`Reason`] for which it is refused.
    pub fn verify(
        &self,
        token: &str,
        agency: &Agency,
        certificate: Thumbprint,
        now: Timestamp,
    ) -> Result<Arc<TokenFacts>, Reason> {
        let name = sha256(token.as_bytes()).0;
        if let Some(facts) = self.remembered(&name, agency, certificate)? {
            return self.in_time(facts.expires_at, now).map(|()| facts);
        }
        let issuers = self.issuers.load();
        let issuer = unverified_issuer(token).filter(|issuer| issuers.names(issuer));
        let claims = self.signed_claims(token, agency, issuer.as_deref(), &issuers)?;
        match &issuer {
            None if claims.iss != agency.id.as_str() => return Err(Reason::TokenWrongIssuer),
            None => {}
            Some(issuer) => {
                let own = claims.iss == *issuer && claims.agency.as_deref() == Some(agency.id.as_str());
                if !own || !issuers.speaks_for(issuer, &agency.id) {
                    return Err(Reason::TokenWrongIssuer);
                }
            }
        }
        self.check(&claims, certificate, now)?;
        let facts = Arc::new(TokenFacts {
            subject: claims.sub,
            role: claims.role,
            token_id: claims.jti,
            expires_at: claims.exp,
        });
        let verified = Verified {
            facts: facts.clone(),
            agency: agency.id.to_string(),
            revision: agency.revision,
            certificate,
            generation: issuer.map_or(0, |_| issuers.generation),
        };
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(name, verified);
        Ok(facts)
    }

    /// A token verified before, unless the agency's entry changed since: a revoked key stops at once.
    fn remembered(
        &self,
        name: &[u8; 32],
        agency: &Agency,
        certificate: Thumbprint,
    ) -> Result<Option<Arc<TokenFacts>>, Reason> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let Some(verified) = kept.get(name) else {
            return Ok(None);
        };
        if verified.agency != agency.id.as_str() {
            return Err(Reason::TokenWrongIssuer);
        }
        if verified.certificate != certificate {
            return Err(Reason::TokenNotBound);
        }
        let current = verified.generation == 0 || verified.generation == self.issuers.load().generation;
        Ok((current && verified.revision == agency.revision).then(|| verified.facts.clone()))
    }

    fn signed_claims(
        &self,
        token: &str,
        agency: &Agency,
        issuer: Option<&str>,
        issuers: &Issuers,
    ) -> Result<Claims, Reason> {
        let header = decode_header(token).map_err(|error| match error.kind() {
            // `none` and names of algorithms that nobody knows.
            ErrorKind::InvalidAlgorithmName | ErrorKind::Json(_) => Reason::TokenWrongAlgorithm,
            _ => Reason::TokenMalformed,
        })?;
        if ![Algorithm::ES256, Algorithm::EdDSA, Algorithm::PS256].contains(&header.alg) {
            return Err(Reason::TokenWrongAlgorithm);
        }
        let kid = header.kid.ok_or(Reason::TokenUnknownKey)?;
        let (algorithm, key) = match issuer {
            Some(issuer) => issuers.key(issuer, &kid).cloned(),
            None => agency
                .signing_keys
                .iter()
                .find(|key| key.key_id == kid && key.revoked_at.is_none())
                .and_then(decoding_key),
        }
        .ok_or(Reason::TokenUnknownKey)?;
        if header.alg != algorithm {
            return Err(Reason::TokenWrongAlgorithm);
        }
        // The algorithm is the registered key's; time and audience are checked here, against the hub's clock.
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        decode::<Claims>(token, &key, &validation)
            .map(|token| token.claims)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature => Reason::TokenBadSignature,
                ErrorKind::InvalidAlgorithm => Reason::TokenWrongAlgorithm,
                _ => Reason::TokenMalformed,
            })
    }

    fn check(&self, claims: &Claims, certificate: Thumbprint, now: Timestamp) -> Result<(), Reason> {
        let for_us = match &claims.aud {
            Audience::One(one) => *one == self.rules.audience,
            Audience::Several(several) => several.contains(&self.rules.audience),
        };
        if !for_us {
            return Err(Reason::TokenWrongAudience);
        }
        self.in_time(claims.exp, now)?;
        let latest = now.as_second().saturating_add(self.rules.leeway_seconds);
        if claims.nbf > latest || claims.iat > latest {
            return Err(Reason::TokenNotYetValid);
        }
        if claims.exp.saturating_sub(claims.iat.min(claims.nbf)) > self.rules.longest_seconds {
            return Err(Reason::TokenTooLongLived);
        }
        if claims.cnf.thumbprint != URL_SAFE_NO_PAD.encode(certificate.0) {
            return Err(Reason::TokenNotBound);
        }
        if claims.sub.is_empty() || claims.jti.is_empty() || claims.role.is_empty() {
            return Err(Reason::TokenMalformed);
        }
        Ok(())
    }

    fn in_time(&self, expires_at: i64, now: Timestamp) -> Result<(), Reason> {
        if expires_at.saturating_add(self.rules.leeway_seconds) < now.as_second() {
            return Err(Reason::TokenExpired);
        }
        Ok(())
    }
}

/// Who a token says it is from: chooses the keys that must then verify it, and nothing else.
fn unverified_issuer(token: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let unverified: Unverified = serde_json::from_slice(&claims).ok()?;
    Some(unverified.iss)
}

/// A registered key, with the one algorithm it may be used with.
fn decoding_key(key: &SigningKey) -> Option<(Algorithm, DecodingKey)> {
    let bits = key_bits(&key.public_key_der)?;
    Some(match key.algorithm {
        TokenAlgorithm::Es256 => (Algorithm::ES256, DecodingKey::from_ec_der(bits)),
        TokenAlgorithm::EdDsa => (Algorithm::EdDSA, DecodingKey::from_ed_der(bits)),
        TokenAlgorithm::Ps256 => (Algorithm::PS256, DecodingKey::from_rsa_der(bits)),
    })
}

/// Whether a key can be read as one of its algorithm.
pub(crate) fn usable_key(key: &SigningKey) -> bool {
    let bits = key_bits(&key.public_key_der);
    bits.is_some_and(|bits| match key.algorithm {
        // An uncompressed point on P-256 (SEC 1 section 2.3.3).
        TokenAlgorithm::Es256 => bits.len() == 65 && bits[0] == 4,
        TokenAlgorithm::EdDsa => bits.len() == 32,
        // 2048 bits or more, as a DER sequence.
        TokenAlgorithm::Ps256 => bits.len() >= 256 && bits[0] == 0x30,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PublicKeyData as _};
    use sendhub_domain::agency::{AgencyId, AgencyIdentifiers, AgencyKind, AgencyStatus};
    use serde_json::{Value, json};

    const NOW: i64 = 1_795_000_000;
    const CERTIFICATE: Thumbprint = Thumbprint([7; 32]);

    fn now() -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }

    fn pair() -> KeyPair {
        KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
    }

    fn agency(pair: &KeyPair, algorithm: TokenAlgorithm) -> Agency {
        Agency {
            id: AgencyId::parse("mock-primary").unwrap(),
            kind: AgencyKind::Academy,
            name: "Mock Primary".into(),
            status: AgencyStatus::Active,
            identifiers: AgencyIdentifiers::default(),
            contacts: vec![],
            certificates: vec![],
            signing_keys: vec![SigningKey {
                key_id: "k1".into(),
                algorithm,
                public_key_der: pair.subject_public_key_info(),
                added_at: now(),
                revoked_at: None,
            }],
            revision: 1,
        }
    }

    fn verifier() -> TokenVerifier {
        TokenVerifier::new(TokenRules {
            audience: "hub".into(),
            leeway_seconds: 30,
            longest_seconds: 3_600,
        })
    }

    fn claims() -> Value {
        json!({
            "iss": "mock-primary", "sub": "system:mis", "aud": "hub", "iat": NOW, "nbf": NOW, "exp": NOW + 300,
            "jti": "j1", "role": "mis-system", "cnf": { "x5t#S256": URL_SAFE_NO_PAD.encode([7_u8; 32]) },
        })
    }

    fn header(algorithm: Algorithm) -> Header {
        Header {
            kid: Some("k1".into()),
            ..Header::new(algorithm)
        }
    }

    fn sign(pair: &KeyPair, claims: &Value) -> String {
        encode(
            &header(Algorithm::ES256),
            claims,
            &EncodingKey::from_ec_der(pair.serialized_der()),
        )
        .unwrap()
    }

    #[test]
    fn every_wrong_claim_has_its_reason() {
        let pair = pair();
        let agency = agency(&pair, TokenAlgorithm::Es256);
        let table: [(&str, Value, Result<(), Reason>); 12] = [
            ("sub", json!("system:mis"), Ok(())),
            ("aud", json!(["other", "hub"]), Ok(())),
            ("iss", json!("other-school"), Err(Reason::TokenWrongIssuer)),
            ("aud", json!("other"), Err(Reason::TokenWrongAudience)),
            ("exp", json!(NOW - 31), Err(Reason::TokenExpired)),
            ("exp", json!(NOW + 3_601), Err(Reason::TokenTooLongLived)),
            ("nbf", json!(NOW + 31), Err(Reason::TokenNotYetValid)),
            ("iat", json!(NOW + 31), Err(Reason::TokenNotYetValid)),
            (
                "cnf",
                json!({ "x5t#S256": URL_SAFE_NO_PAD.encode([8_u8; 32]) }),
                Err(Reason::TokenNotBound),
            ),
            ("cnf", json!(null), Err(Reason::TokenMalformed)),
            ("jti", json!(""), Err(Reason::TokenMalformed)),
            ("role", json!(null), Err(Reason::TokenMalformed)),
        ];
        for (claim, value, expected) in table {
            let mut changed = claims();
            changed[claim] = value.clone();
            let found = verifier()
                .verify(&sign(&pair, &changed), &agency, CERTIFICATE, now())
                .map(|_| ());
            assert_eq!(found, expected, "{claim} = {value}");
        }
    }

    #[test]
    fn the_algorithm_is_the_key_s_and_never_the_token_s() {
        let pair = pair();
        let agency = agency(&pair, TokenAlgorithm::Es256);
        let refused = |token: &str| verifier().verify(token, &agency, CERTIFICATE, now()).unwrap_err();
        let secret = EncodingKey::from_secret(&agency.signing_keys[0].public_key_der);
        let confused = encode(&header(Algorithm::HS256), &claims(), &secret).unwrap();
        assert_eq!(refused(&confused), Reason::TokenWrongAlgorithm);
        let none = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"k1"}"#),
            URL_SAFE_NO_PAD.encode(claims().to_string())
        );
        assert_eq!(refused(&none), Reason::TokenWrongAlgorithm);
        let other = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let key = EncodingKey::from_ed_der(other.serialized_der());
        let edwards = encode(&header(Algorithm::EdDSA), &claims(), &key).unwrap();
        assert_eq!(refused(&edwards), Reason::TokenWrongAlgorithm);
        assert_eq!(refused("not a token"), Reason::TokenMalformed);
    }

    #[test]
    fn another_key_or_a_changed_token_does_not_verify() {
        let pair = pair();
        let agency = agency(&pair, TokenAlgorithm::Es256);
        let refused = |token: &str| verifier().verify(token, &agency, CERTIFICATE, now()).unwrap_err();
        assert_eq!(
            refused(&sign(&self::pair(), &claims())),
            Reason::TokenBadSignature
        );
        let unnamed = encode(
            &Header {
                kid: Some("k2".into()),
                ..Header::new(Algorithm::ES256)
            },
            &claims(),
            &EncodingKey::from_ec_der(pair.serialized_der()),
        );
        assert_eq!(refused(&unnamed.unwrap()), Reason::TokenUnknownKey);
    }

    #[test]
    fn ed25519_keys_work_too() {
        let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let agency = agency(&pair, TokenAlgorithm::EdDsa);
        let key = EncodingKey::from_ed_der(pair.serialized_der());
        let token = encode(&header(Algorithm::EdDSA), &claims(), &key).unwrap();
        assert_eq!(
            verifier()
                .verify(&token, &agency, CERTIFICATE, now())
                .unwrap()
                .role,
            "mis-system"
        );
    }

    #[test]
    fn what_is_remembered_still_expires_is_bound_and_stops_when_the_key_is_revoked() {
        let pair = pair();
        let mut agency = agency(&pair, TokenAlgorithm::Es256);
        let verifier = verifier();
        let token = sign(&pair, &claims());
        assert!(verifier.verify(&token, &agency, CERTIFICATE, now()).is_ok());
        assert!(verifier.verify(&token, &agency, CERTIFICATE, now()).is_ok());
        let other = Thumbprint([9; 32]);
        assert_eq!(
            verifier.verify(&token, &agency, other, now()),
            Err(Reason::TokenNotBound)
        );
        let later = Timestamp::from_second(NOW + 331).unwrap();
        assert_eq!(
            verifier.verify(&token, &agency, CERTIFICATE, later),
            Err(Reason::TokenExpired)
        );
        agency.signing_keys[0].revoked_at = Some(now());
        agency.revision = 2;
        assert_eq!(
            verifier.verify(&token, &agency, CERTIFICATE, now()),
            Err(Reason::TokenUnknownKey)
        );
    }
}
