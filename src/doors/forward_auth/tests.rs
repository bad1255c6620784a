use ::http::{HeaderMap, HeaderValue, Request};

use super::{dialect::read, report::Report, *};
use crate::{
    doors::asking::TakesOut,
    http::{RequestError, Scheme},
};

const ALL: [Dialect; 6] = [
    Dialect::Envoy,
    Dialect::Nginx,
    Dialect::IngressNginx,
    Dialect::Traefik,
    Dialect::Caddy,
    Dialect::HaProxy,
];

/// The headers of a whole question in each dialect, about `POST http://api.example.com/a%2Fb?c=d` of
/// 192.0.2.1.
fn whole(dialect: Dialect) -> Vec<(&'static str, &'static str)> {
    let host = ("host", "api.example.com");
    match dialect {
        Dialect::Envoy => {
            vec![host, ("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "http")]
        }
        Dialect::Nginx | Dialect::HaProxy => vec![
            host,
            ("x-original-method", "POST"),
            ("x-original-uri", "/a%2Fb?c=d"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "http"),
        ],
        Dialect::IngressNginx => vec![
            ("host", "poolgate.default.svc"),
            ("x-original-method", "POST"),
            ("x-original-url", "http://api.example.com/a%2Fb?c=d"),
            ("x-real-ip", "192.0.2.1"),
        ],
        Dialect::Traefik | Dialect::Caddy => vec![
            ("host", "127.0.0.1:9191"),
            ("x-forwarded-method", "POST"),
            ("x-forwarded-host", "api.example.com"),
            ("x-forwarded-uri", "/a%2Fb?c=d"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "http"),
        ],
    }
}

/// Headers of every dialect, with what a client would like to be believed.
const LIES: [(&str, &str); 11] = [
    ("x-original-method", "GET"),
    ("x-original-uri", "/public"),
    ("x-original-url", "http://lies.example/public"),
    ("x-forwarded-method", "GET"),
    ("x-forwarded-host", "lies.example"),
    ("x-forwarded-uri", "/public"),
    ("x-forwarded-for", "203.0.113.9"),
    ("x-forwarded-proto", "https"),
    ("x-real-ip", "203.0.113.9"),
    ("x-rewrite-url", "/public"),
    ("forwarded", "for=203.0.113.9"),
];

fn path(text: &str) -> PathAndQuery {
    PathAndQuery::try_from(text).unwrap()
}

fn asked(dialect: Dialect, headers: &[(&str, &str)]) -> Result<Report, RequestError> {
    let (method, behind) = match dialect {
        Dialect::Envoy => ("POST", "/a%2Fb?c=d"),
        _ => ("GET", ""),
    };
    let path = path(&format!("/check/{}{behind}", dialect.as_str()));
    let mut request = Request::builder().method(method).uri(path.as_str());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    read(Check::of(&path, &ALL).unwrap(), &head)
}

#[test]
fn paths() {
    let check = |text: &str| {
        let path = path(text);
        Check::of(&path, &ALL).map(|check| {
            let route = match check.route {
                AskedRoute::Named(name) => name.to_owned(),
                AskedRoute::ByAddress => "-".to_owned(),
            };
            (check.dialect.as_str().to_owned(), route, check.rest.to_owned())
        })
    };
    let is = |dialect: &str, route: &str, rest: &str| {
        Some((dialect.to_owned(), route.to_owned(), rest.to_owned()))
    };
    assert_eq!(check("/check/nginx"), is("nginx", "-", ""));
    assert_eq!(check("/routes/orders/check/nginx"), is("nginx", "orders", ""));
    assert_eq!(check("/check/caddy?a=b"), is("caddy", "-", "?a=b"));
    // Byte for byte, whatever it is.
    assert_eq!(check("/check/envoy/a%2Fb?c"), is("envoy", "-", "/a%2Fb?c"));
    assert_eq!(check("/check/envoy//x/../y"), is("envoy", "-", "//x/../y"));
    let inner = "/check/nginx";
    let behind = format!("/routes/orders/check/envoy{inner}");
    assert_eq!(check(&behind), is("envoy", "orders", inner));
    for none in [
        "/",
        "/check",
        "/check/",
        "/check/nginx/",
        "/check/nginx/x",
        "/check/apache",
        "/check/NGINX",
        "/check/envoy",
        "/check/envoy?x",
        "/checks/nginx",
        "//check/nginx",
        "/check//nginx",
        "/routes/orders/nginx",
        "/routes/a/b/check/nginx",
        "/routes//x",
        "/%63heck/nginx",
        "/x/check/nginx",
        "/check/ingress-nginxx",
    ] {
        assert_eq!(check(none), None, "{none}");
    }
}

#[test]
fn only_dialects_that_are_enabled() {
    for dialect in ALL {
        let behind = if dialect == Dialect::Envoy { "/" } else { "" };
        let path = path(&format!("/check/{}{behind}", dialect.as_str()));
        assert!(Check::of(&path, &[dialect]).is_some());
        let others: Vec<Dialect> = ALL.into_iter().filter(|other| *other != dialect).collect();
        assert_eq!(Check::of(&path, &others), None, "{dialect:?}");
        assert_eq!(Check::of(&path, &[]), None);
    }
}

#[test]
fn every_dialect_tells_the_same() {
    for dialect in ALL {
        let mut headers = whole(dialect);
        headers.push(("authorization", "Bearer x"));
        headers.push(("connection", "keep-alive"));
        headers.push(("content-length", "0"));
        let mut left = HeaderMap::new();
        left.insert("authorization", HeaderValue::from_static("Bearer x"));
        let expected = Report {
            door: dialect.as_str(),
            takes_out: match dialect {
                Dialect::Envoy => TakesOut::Told,
                _ => TakesOut::Named,
            },
            method: "POST".into(),
            host: "api.example.com".into(),
            target: "/a%2Fb?c=d".into(),
            headers: left,
            version: ::http::Version::HTTP_11,
            client: "192.0.2.1".parse().unwrap(),
            scheme: Scheme::Http,
        };
        assert_eq!(asked(dialect, &headers), Ok(expected), "{dialect:?}");
    }
}

#[test]
fn what_is_missing_or_comes_twice_refuses_the_question() {
    for dialect in ALL {
        let headers = whole(dialect);
        for (at, (name, value)) in headers.iter().enumerate() {
            let own_host = *name == "host" && dialect != Dialect::Envoy;
            let own_host = own_host && !matches!(dialect, Dialect::Nginx | Dialect::HaProxy);
            let mut without = headers.clone();
            without.remove(at);
            let said = asked(dialect, &without);
            if own_host {
                assert!(said.is_ok(), "{dialect:?} {name}");
            } else {
                let missing = [RequestError::Incomplete("x").reason(), "host_missing"];
                assert!(missing.contains(&said.unwrap_err().reason()), "{dialect:?} {name}");
            }
            // The same value again, and one before and one behind it.
            for other in [*value, "lies"] {
                for place in [0, headers.len()] {
                    let mut twice = headers.clone();
                    twice.insert(place, (name, other));
                    let said = asked(dialect, &twice).unwrap_err().reason();
                    assert_eq!(said, "header_repeated", "{dialect:?} {name}");
                }
            }
        }
    }
}

#[test]
fn headers_of_other_dialects_are_the_clients_word() {
    for dialect in ALL {
        let own = whole(dialect);
        let mut headers = own.clone();
        let lies = LIES.iter().filter(|(name, _)| !own.iter().any(|(known, _)| known == name));
        headers.extend(lies);
        let said = asked(dialect, &headers).unwrap();
        let truth = asked(dialect, &own).unwrap();
        let facts = |report: &Report| {
            let Report { method, host, target, client, scheme, .. } = report;
            (method.clone(), host.clone(), target.clone(), *client, *scheme)
        };
        assert_eq!(facts(&said), facts(&truth), "{dialect:?}");
    }
}

#[test]
fn nothing_stands_in_for_what_is_missing() {
    for dialect in ALL {
        let own = whole(dialect);
        for (missing, _) in own.iter().filter(|(name, _)| *name != "host") {
            let mut headers: Vec<_> =
                own.iter().filter(|(name, _)| name != missing).copied().collect();
            headers.extend(LIES.iter().filter(|(name, _)| !own.iter().any(|(own, _)| own == name)));
            let said = asked(dialect, &headers).unwrap_err();
            assert_eq!(said.reason(), "incomplete_question", "{dialect:?} without {missing}");
        }
    }
}

#[test]
fn the_client_is_the_last_address() {
    let with = |list: &'static str| {
        let mut headers = whole(Dialect::Nginx);
        for header in &mut headers {
            if header.0 == "x-forwarded-for" {
                header.1 = list;
            }
        }
        asked(Dialect::Nginx, &headers)
    };
    let report = with("203.0.113.9, 198.51.100.2, ::ffff:192.0.2.7").unwrap();
    assert_eq!(report.client.to_string(), "192.0.2.7");
    // What stands before is left to be judged as what proxies further out say.
    assert_eq!(report.headers["x-forwarded-for"], "203.0.113.9, 198.51.100.2");
    assert!(!with("192.0.2.7").unwrap().headers.contains_key("x-forwarded-for"));
    for wrong in ["", "unix:", "unknown", "192.0.2.7,", "192.0.2.7 192.0.2.8", "example.com"] {
        assert_eq!(with(wrong).unwrap_err().reason(), "incomplete_question", "{wrong}");
    }
}

#[test]
fn a_url_of_ingress_nginx_is_absolute() {
    let with = |url: &'static str| {
        let mut headers = whole(Dialect::IngressNginx);
        for header in &mut headers {
            if header.0 == "x-original-url" {
                header.1 = url;
            }
        }
        asked(Dialect::IngressNginx, &headers)
    };
    let report = with("https://api.example.com:8443//x/http://y/").unwrap();
    assert_eq!(
        (report.host.as_str(), report.target.as_str()),
        ("api.example.com:8443", "//x/http://y/")
    );
    assert_eq!(report.scheme, Scheme::Https);
    for wrong in
        ["/a", "api.example.com/a", "http://api.example.com", "ftp://api.example.com/", "", "//a/b"]
    {
        assert_eq!(with(wrong).unwrap_err().reason(), "incomplete_question", "{wrong}");
    }
}
