//! P1: a token that is bound to a key or a certificate is nothing without it.

use serde_json::{Value, json};

use crate::support::{CLIENT, Issuer, Prover, ROLE};

const PATH: &str = "/api/bound";
const URI: &str = "http://gate/api/bound";

/// A client, its key, and requests of it.
pub struct Bound {
    prover: Prover,
    /// A request that is allowed once.
    pub once: String,
}

impl Bound {
    pub fn new() -> Self {
        let prover = Prover::new();
        let token = token(&prover.cnf());
        let once = request(&dpop(&token), &[prover.proof(URI, &token, |_| {})]);
        Self { prover, once }
    }

    /// Every request that is refused once [`Bound::once`] was allowed.
    pub fn refused(&self) -> Vec<(String, u16, &'static str)> {
        let prover = &self.prover;
        let token = token(&prover.cnf());
        let with = |proof: String| request(&dpop(&token), &[proof]);
        let of = |edit: &dyn Fn(&mut Value)| with(prover.proof(URI, &token, edit));
        let headed = |name: &str, value: Value| {
            let mut header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": prover.jwk() });
            header[name] = value;
            with(prover.sign(&header, &json!({})))
        };
        let good = prover.proof(URI, &token, |_| {});
        let (signed, _) = good.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", "A".repeat(86));
        let plain = plain();
        vec![
            (self.once.clone(), 401, "dpop_replayed"),
            (request(&bearer(&token), std::slice::from_ref(&good)), 401, "dpop_required"),
            (request(&dpop(&plain), &[prover.proof(URI, &plain, |_| {})]), 401, "token_not_bound"),
            (request(&dpop(&token), &[]), 401, "dpop_missing"),
            (request(&dpop(&token), &[good.clone(), good.clone()]), 400, "header_repeated"),
            (with(format!("{good}, {good}")), 401, "dpop_malformed"),
            (headed("alg", json!("HS256")), 401, "dpop_algorithm"),
            (headed("jwk", json!({ "kty": "oct", "k": "AQAB" })), 401, "dpop_key"),
            (with(Prover::new().proof(URI, &token, |_| {})), 401, "dpop_other_key"),
            (of(&|claims| claims["jti"] = json!("")), 401, "dpop_claim"),
            (of(&|claims| claims["htm"] = json!("PUT")), 401, "dpop_method"),
            (of(&|claims| claims["htu"] = json!("http://gate/api/x")), 401, "dpop_uri"),
            (of(&|claims| claims["iat"] = json!(1_600_000_000)), 401, "dpop_time"),
            (with(prover.proof(URI, &plain, |_| {})), 401, "dpop_token"),
            (with(forged), 401, "dpop_signature"),
            (request(&bearer(&of_certificate()), &[]), 401, "client_certificate_missing"),
            (
                request(&bearer(&self::token(&json!({ "kid": "k" }))), &[]),
                401,
                "unknown_confirmation",
            ),
            (strict(&plain), 401, "bound_token_required"),
        ]
    }
}

fn token(cnf: &Value) -> String {
    let issuer = Issuer::shared();
    let mut claims = issuer.claims("user", "id");
    claims["aud"] = json!(CLIENT);
    claims["cognito:preferred_role"] = json!(ROLE);
    claims["cognito:roles"] = json!([ROLE]);
    if !cnf.is_null() {
        claims["cnf"] = cnf.clone();
    }
    issuer.sign(&claims)
}

fn plain() -> String {
    token(&Value::Null)
}

fn of_certificate() -> String {
    token(&json!({ "x5t#S256": "A".repeat(43) }))
}

fn dpop(token: &str) -> String {
    format!("authorization: DPoP {token}\r\n")
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

fn request(authorization: &str, proofs: &[String]) -> String {
    let proofs: String = proofs.iter().map(|proof| format!("dpop: {proof}\r\n")).collect();
    format!("GET {PATH} HTTP/1.1\r\nhost: gate\r\n{authorization}{proofs}\r\n")
}

/// A bearer token where only bound ones are taken.
fn strict(token: &str) -> String {
    request(&bearer(token), &[]).replace(PATH, "/strict/x")
}
