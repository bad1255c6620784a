//! Rules between fields, and what is only worth a warning.

use super::{MINIMAL, problems, read, route, with};
use crate::config::ClientAuth;

#[test]
fn each_rule_is_reported() {
    let api = |fields: &str| route(&format!("    service: execute-api\n{fields}"));
    let off = "    engines: { iam: off }\n";
    let rule = "{ method: GET, path: \"/pets/{id}\", action: \"pets:Read\", resource: \"arn:aws:pets:::pet/{id}\" }";
    for (text, expected) in [
        (
            api(""),
            "7:5: routes[0]: needs `api` {id, stage} for execute-api:Invoke, or `actions`, or engines.iam: off",
        ),
        (
            api("    authenticate: none\n    api: { id: a, stage: b }\n"),
            "10:19: routes[0].authenticate: `none` goes with engines.iam: off only",
        ),
        (
            api("    engines: { iam: off, cedar: shadow }\n    authenticate: none\n"),
            "11:19: routes[0].authenticate: `none` asks nobody who is calling, and so no Cedar policy",
        ),
        (
            api("    engines: { iam: off, cedar: enforce, compose: guardrail }\n"),
            "10:51: routes[0].engines.compose: `guardrail` only forbids what IAM allows; it needs iam: enforce",
        ),
        (
            api(off).replace("    upstream: { url: \"http://127.0.0.1:3000\" }\n", ""),
            "7:5: `upstream` of route `a` is missing; only a route that others ask about at listen.ext_authz can do without",
        ),
        (
            route("    service: s3\n    engines: { cedar: enforce, compose: any }\n"),
            "10:14: routes[0].engines: IAM decides on every S3 route; Cedar may restrict it (`all`, `guardrail`), not widen it (`any`)",
        ),
        (
            route("    service: cognito-idp\n    engines: { cedar: shadow }\n"),
            "10:14: routes[0].engines: Cedar isn't asked on routes of cognito-idp",
        ),
        (
            api(&format!("{off}    cors: {{ origins: [\"*\"], credentials: true }}\n")),
            "11:22: routes[0].cors.origins: `*` and `credentials` exclude each other: list what is meant",
        ),
        (
            api(&format!("{off}    cors: {{ origins: [\"http://a\"], headers: [\"*\"], credentials: true }}\n")),
            "11:45: routes[0].cors.headers: `*` and `credentials` exclude each other: list what is meant",
        ),
        (
            api(&format!("{off}    cors: {{ origins: [\"http://a\"], expose: [\"*\"], credentials: true }}\n")),
            "11:44: routes[0].cors.expose: `*` and `credentials` exclude each other: list what is meant",
        ),
        (
            api(&format!("{off}    cors: {{ origins: [\"*\", \"http://a\"] }}\n")),
            "11:22: routes[0].cors.origins: `*` is any origin; leave out the others",
        ),
        (
            api(&format!("{off}    cors: {{ origins: [] }}\n")),
            "11:22: routes[0].cors.origins: must not be empty",
        ),
        (
            api(&format!("{off}    cors: {{ origins: [\"http://a\"], max_age: 25h }}\n")),
            "11:45: routes[0].cors.max_age: must be from 0s to 24h",
        ),
        (
            api(&format!("{off}    limits: {{ }}\n")),
            "11:13: routes[0].limits: needs `rate`, `per_principal` or both",
        ),
        (
            api(&format!("{off}    limits: {{ rate: {{ requests: 0 }} }}\n")),
            "11:33: routes[0].limits.rate.requests: must be from 1 to 1000000",
        ),
        (
            api(&format!("{off}    limits: {{ per_principal: {{ requests: 1, burst: 1000001 }} }}\n")),
            "11:52: routes[0].limits.per_principal.burst: must be from 1 to 1000000",
        ),
        (
            api(&format!("{off}    limits: {{ rate: {{ requests: 1, per: 100ms }} }}\n")),
            "11:41: routes[0].limits.rate.per: must be from 1s to 1h",
        ),
        (
            api(off).replace("3000\" }", "3000\", concurrency: 0 }"),
            "8:60: routes[0].upstream.concurrency: must be from 1 to 1000000",
        ),
        (
            with("cedar: { principal: \"App::\" }\n"),
            "11:21: cedar.principal: must be a name such as App::User",
        ),
        (
            with("cedar: { policy_store: \"a b\" }\n"),
            "11:24: cedar.policy_store: must be the id of a policy store, such as PSexample",
        ),
        (
            with("cedar: { policy_store: PSexample }\n")
                .replace("aws: { region: eu-west-1, account: \"123456789012\" }\n", "")
                .replace("api: { id: a1b2c3d4e5, stage: prod }", "engines: { iam: off }"),
            "10:24: `aws` is missing: the ARN of the policy store needs its account",
        ),
        (
            with("authzen: { url: \"http://pdp.example\" }\n"),
            "11:17: authzen.url: must be an https origin: AuthZEN is asked over TLS",
        ),
        (
            with("cedar: { namespace: App, action: App::Deed }\n"),
            "11:34: cedar.action: must be `Action`, in whatever namespace: Cedar knows no others",
        ),
        (
            api(&format!("{off}    authenticate: none\n    scopes: [a]\n")),
            "12:13: routes[0].scopes: demands a token, and authenticate is `none`",
        ),
        (
            api(&format!("{off}    authenticate: none\n    bound_tokens: require\n")),
            "12:19: routes[0].bound_tokens: demands a token, and authenticate is `none`",
        ),
        (
            route("    service: s3\n    bound_tokens: verify\n"),
            "10:19: routes[0].bound_tokens: is for `service: execute-api` only",
        ),
        (
            route("    service: cognito-idp\n    bound_tokens: require\n"),
            "10:19: routes[0].bound_tokens: is for `service: execute-api` only",
        ),
        (
            api(&format!("{off}    authenticate: token\n")),
            "11:19: routes[0].authenticate: must be `none`, not \"token\"",
        ),
        (
            api(&format!("{off}    scopes: [\"a b\"]\n")),
            "11:14: routes[0].scopes[0]: must be a scope such as orders/read, not \"a b\"",
        ),
        (
            api(&format!("{off}    match: {{}}\n")),
            "11:12: routes[0].match: needs `host`, `path` or both",
        ),
        (
            api(&format!("{off}    match: {{ host: \"*.example.com\" }}\n")),
            "11:20: routes[0].match.host: must be an exact host without port, such as api.example.com, not \"*.example.com\"",
        ),
        (
            api(&format!("{off}    match: {{ path: /a//b }}\n")),
            "11:20: routes[0].match.path: \"/a//b\" has an empty segment, which no request may have",
        ),
        (
            api(&format!("{off}    match: {{ path: /a/../b }}\n")),
            "11:20: routes[0].match.path: \"/a/../b\" has the segment .., which no request may have",
        ),
        (
            api(&format!("{off}    match: {{ path: /a%2fb }}\n")),
            "11:20: routes[0].match.path: the segment \"a%2fb\" has a character that is not in A-Z a-z 0-9 - . _ ~ ! $ & ' ( ) * + , = : @",
        ),
        (
            api(&format!("{off}    token: {{ }}\n")),
            "11:12: routes[0].token: needs `cookie` or `alb`",
        ),
        (
            api(&format!(
                "{off}    token: {{ origins: [\"https://a\"], alb: {{ arn: \"arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/a/b\" }} }}\n"
            )),
            "11:23: routes[0].token.origins: goes with `cookie`",
        ),
        (
            api(&format!("{off}    token: {{ cookie: c, origins: [\"https://a/\"] }}\n")),
            "11:35: routes[0].token.origins[0]: must be an origin as browsers write it: scheme and host in lower case, a port unless it is the scheme's, no path",
        ),
        (
            api(&format!("    api: {{ id: a, stage: b }}\n    actions: [{rule}]\n")),
            "11:14: routes[0].actions: `api` and `actions` exclude each other",
        ),
        (
            api(&format!("    actions:\n      - {rule}\n      - {}\n", rule.replace("id}", "x}"))),
            "12:9: routes[0]: GET /pets/{x} fits the same requests as the rule of line 11",
        ),
        (
            api(&format!("    actions: [{}]\n", rule.replace("pet/{id}", "pet/{name}"))),
            "10:81: routes[0].actions[0].resource: {name} is not in the path /pets/{id}",
        ),
        (
            api(&format!("    actions: [{}]\n", rule.replace("GET", "get"))),
            "10:25: routes[0].actions[0].method: must be a method in upper case, such as GET, not \"get\"",
        ),
        (
            api(&format!("    actions: [{}]\n", rule.replace("/pets/{id}", "/{id}/{id}"))),
            "10:36: routes[0].actions[0].path: \"/{id}/{id}\" has a parameter twice",
        ),
        (
            api(&format!("    actions: [{}]\n", rule.replace("pet/{id}", "pet/*"))),
            "10:81: routes[0].actions[0].resource: must be an ARN such as arn:aws:pets:eu-west-1:123456789012:pet/{id}, not \"arn:aws:pets:::pet/*\"",
        ),
        (
            route("    service: cognito-idp\n    scopes: [a]\n"),
            "10:13: routes[0].scopes: is for `service: execute-api` only",
        ),
        (
            api(&format!("{off}    host: keep\n")).replace("3000\"", "3000\", host: b"),
            "11:11: routes[0].host: `keep` and upstream.host exclude each other",
        ),
        (
            api(&format!("{off}    host: rewrite\n")).replace("http://127.0.0.1:3000", "unix:/x"),
            "11:11: routes[0].host: a Unix socket has no host; write upstream.host",
        ),
        (
            api(off).replace("http://127.0.0.1:3000", "http://u:hunter2@a"),
            "8:22: routes[0].upstream.url: must be a URL without user name and password",
        ),
        (
            api("    api: { id: a, stage: b }\n").replace("aws: {", "# aws: {"),
            "1:1: `aws` is missing: the ARNs of route `a` need its region and account",
        ),
        (with("decision_log: { sink: file }\n"), "11:23: decision_log.sink: `file` needs a `path`"),
        (
            with("decision_log: { sink: stdout, url: \"http://a\" }\n"),
            "11:36: decision_log.url: is for `sink: http` only",
        ),
        (
            with("access_log: { sink: http }\n"),
            "11:21: access_log.sink: must be one of none, stdout, file, not \"http\"",
        ),
        (
            with("oidc_providers: [{ issuer: \"http://a.example\", audiences: [b] }]\n"),
            "11:28: oidc_providers[0].issuer: keys are not fetched over http: from another machine; use https:, or name them in `jwks`",
        ),
        (
            with(
                "oidc_providers: [{ issuer: \"https://a\", audiences: [b], jwks: \"http://c\" }]\n",
            ),
            "11:63: oidc_providers[0].jwks: keys come over https:, over http: only from loopback, or from file:",
        ),
        (
            with(
                "oidc_providers:\n  - { issuer: \"https://a\", audiences: [b] }\n  - { issuer: \"https://a\", audiences: [c] }\n",
            ),
            "13:5: the issuer https://a is the one of line 12 too",
        ),
        (
            MINIMAL.replace(
                "user_pools:\n",
                "user_pools:\n  - { id: eu-west-1_Ab12Cd34E, clients: [b] }\n",
            ),
            "5:5: the issuer https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E is the one of line 4 too",
        ),
        (
            MINIMAL.replace(
                "user_pools:\n",
                "user_pools:\n  - { id: eu-west-1_Ab12Cd34E, clients: [b], issuer: \"https://a\" }\n",
            ),
            "5:5: the provider cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E is the one of line 4 too",
        ),
        (
            with(
                "oidc_providers:\n  - { issuer: \"http://localhost:5/p\", audiences: [b] }\n  - { issuer: \"https://localhost:5/p\", audiences: [c] }\n",
            ),
            "13:5: the provider localhost:5/p is the one of line 12 too",
        ),
        (
            MINIMAL.replace(
                "user_pools:\n",
                "oidc_providers:\n  - { issuer: \"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Local\", audiences: [b] }\nuser_pools:\n  - { id: eu-west-1_Local, clients: [b], issuer: \"https://a\" }\n",
            ),
            "4:5: the provider cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Local is the one of line 6 too",
        ),
        (
            MINIMAL.replace("listen:", "listen: { proxy: { address: \"127.0.0.1:1\" } }\nlisten:"),
            "2:1: `listen` is in this mapping already",
        ),
        (
            MINIMAL.replace("127.0.0.1:8080", "127.0.0.1:9901"),
            "1:9: listen: proxy and admin can't have the same address",
        ),
        (
            with(&format!("trusted_proxies: [{}]\n", "::1,".repeat(1001))),
            "11:18: trusted_proxies: has more than 1000 entries",
        ),
        (
            MINIMAL.replace("127.0.0.1:8080", "127.0.0.1:3000"),
            "10:22: route `a`: its upstream is the gate's own listen.proxy",
        ),
        (with("x-note: 1\n"), "11:1: `x-note` is not a field here"),
        (
            with("limits: { body_buffer: 1B }\n"),
            "11:24: limits.body_buffer: must be from 1KiB to 1GiB",
        ),
        (
            with("s3: { domains: [\"s3.localhost:80\"] }\n"),
            "11:17: s3.domains[0]: must be a host without port, such as s3.localhost, not \"s3.localhost:80\"",
        ),
    ] {
        assert!(read(&text).is_err(), "{text}");
        let found = problems(&text);
        assert_eq!(found, [expected], "{text}");
    }
}

#[test]
fn routes_are_checked_against_each_other() {
    let more = |name: &str, service: &str, matching: &str| {
        format!(
            "  - {{ name: {name}, service: {service}, engines: {{ iam: off }}, {matching}upstream: {{ url: \"http://127.0.0.1:1\" }} }}\n"
        )
    };
    for (routes, expected) in [
        (
            more("a", "execute-api", "match: { path: /x }, "),
            vec!["11:5: routes: `a` is the name of the route at line 7 already"],
        ),
        (
            more(
                "b",
                "execute-api",
                "match: { path: /b }, token: { alb: { arn: \"arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc\", client: x } }, ",
            ) + &more(
                "c",
                "execute-api",
                "match: { path: /c }, token: { alb: { arn: \"arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc\", keys: \"https://k\" } }, ",
            ),
            vec!["12:5: routes: `c` has other `keys` for the load balancer of `b` at line 11"],
        ),
        (
            more("b", "execute-api", ""),
            vec![
                "11:5: routes: `b` takes the same requests as `a` at line 7; their `match` is equal",
            ],
        ),
        (
            more("b", "execute-api", "match: { host: A.b, path: /x }, ")
                + &more("c", "cognito-idp", "match: { path: /x, host: a.B }, "),
            vec![
                "12:5: routes: `c` takes the same requests as `b` at line 11; their `match` is equal",
            ],
        ),
        (
            more("b", "cognito-idp", "") + &more("c", "cognito-idp", ""),
            vec![
                "12:5: routes: `c` takes the same requests as `b` at line 11; their `match` is equal",
            ],
        ),
        (
            more("b", "execute-api", "match: { path: /x }, ")
                + &more("c", "execute-api", "match: { path: /x/ }, ")
                + &more("d", "execute-api", "match: { host: x, path: /x }, ")
                + &more("e", "cognito-idp", ""),
            vec![],
        ),
    ] {
        assert_eq!(problems(&with(&routes)), expected, "{routes}");
    }
    let none = MINIMAL.split_once("routes:").unwrap().0;
    assert_eq!(problems(&format!("{none}routes: []\n")), ["6:9: routes: must not be empty"]);
    assert_eq!(
        problems(""),
        [
            "1:1: `listen` is missing: where connections come in",
            "1:1: `routes` is missing: what is behind the gate, at least one",
            "1:1: warning: identities: without a `key` anyone who knows a subject can compute its identity id, and guests get none",
        ]
    );
}

#[test]
fn certificates_of_clients_are_asked_for_with_their_authorities() {
    let tls = |tls: &str| {
        MINIMAL.replace("8080\" }", &format!("8080\", tls: {{ cert: a, key: b{tls} }} }}"))
    };
    let clients = |text: &str| read(text).unwrap().0.listen.proxy.tls.unwrap().clients;
    assert_eq!(clients(&tls("")), None);
    let found = clients(&tls(", client_ca: c.pem")).unwrap();
    assert_eq!((found.ca.value, found.auth), ("etc/c.pem".into(), ClientAuth::Require));
    let found = clients(&tls(", client_ca: c.pem, client_auth: request")).unwrap();
    assert_eq!(found.auth, ClientAuth::Request);
    for (text, expected) in [
        (
            tls(", client_auth: request"),
            "1:84: listen.proxy.tls.client_auth: goes with `client_ca`",
        ),
        (
            tls(", client_ca: c").replace("127.0.0.1:8080", "unix:/run/a.sock"),
            "1:54: listen.proxy.tls: a Unix socket has no TLS, and so no client certificates",
        ),
        (
            tls(", client_ca: c, client_auth: yes"),
            "1:98: listen.proxy.tls.client_auth: must be one of request, require, not \"yes\"",
        ),
    ] {
        assert_eq!(problems(&text), [expected], "{text}");
    }
}

#[test]
fn warnings_stop_nothing() {
    for (text, expected) in [
        (
            MINIMAL.replace("127.0.0.1:8080", "0.0.0.0:8080"),
            "1:29: warning: listen.proxy: tokens arrive in clear; set `tls`, or have TLS ended in front on the same machine",
        ),
        (
            MINIMAL.replace("8080\" }", "8080\" }, admin: { address: \"[::]:9901\" }"),
            "1:67: warning: listen.admin: not local, so that only /metrics, /livez and /readyz are served; set admin.token for the rest",
        ),
        (
            MINIMAL.replace("{ key: { env: KEY } }", "{ store: derived }"),
            "5:13: warning: identities: without a `key` anyone who knows a subject can compute its identity id, and guests get none",
        ),
        (
            MINIMAL
                .replace("user_pools:\n", "")
                .replace("  - { id: eu-west-1_Ab12Cd34E, clients: [1example23456789] }\n", ""),
            "5:5: warning: route `a` demands a token, and there are no user_pools and no oidc_providers",
        ),
        (
            MINIMAL.replace(
                "service: execute-api\n",
                "service: execute-api\n    match: { path: /a/* }\n",
            ),
            "9:20: warning: routes[0].match.path: `*` stands for itself: a path is that of all that begins with it, and has no wildcards",
        ),
    ] {
        assert!(read(&text).is_ok(), "{text}");
        assert_eq!(problems(&text), [expected], "{text}");
    }
    let open = problems(&with("trusted_proxies: [10.0.0.0/8, \"::/0\"]\n"));
    assert_eq!(
        open,
        [
            "11:31: warning: trusted_proxies: everybody's X-Forwarded-* is believed, so that any caller can choose its address"
        ]
    );
    let admin = MINIMAL.replace("8080\" }", "8080\" }, admin: { address: \"[::]:9901\" }");
    assert_eq!(problems(&format!("{admin}admin: {{ token: {{ env: KEY }} }}\n")), [""; 0]);
    let unix = MINIMAL.replace("127.0.0.1:8080", "unix:/run/poolgate.sock");
    assert_eq!(problems(&unix), [""; 0]);
}

#[test]
fn every_doubled_issuer_is_reported_once() {
    let pool = "  - { id: eu-west-1_Ab12Cd34E, clients: [b] }\n";
    let found = problems(&MINIMAL.replace("user_pools:\n", &format!("user_pools:\n{pool}{pool}")));
    let places: Vec<&str> = found.iter().map(|p| p.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["5:5", "6:5"]);
}

#[test]
fn a_flood_of_problems_is_cut_short() {
    let flood: String = (0..500).map(|n| format!("unknown{n}: 1\n")).collect();
    let found = problems(&with(&flood));
    assert_eq!(found.len(), 101);
    assert_eq!(found[100], "1:1: and 400 more problems");
    let everybody = with(&format!("trusted_proxies: [{}]\n", "\"::/0\",".repeat(200)));
    assert_eq!(problems(&everybody)[100], "1:1: warning: and 100 more problems");
}
