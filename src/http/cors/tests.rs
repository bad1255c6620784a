//! What browsers are told.

use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::{Cors, CorsError, CorsRules, is_preflight};

const APP: &str = "https://app.example";

fn rules() -> CorsRules {
    CorsRules {
        origins: vec![APP.to_owned(), "http://localhost:5173".to_owned()],
        methods: vec![Method::GET, Method::PUT],
        headers: vec!["authorization".to_owned(), "x-amz-*".to_owned()],
        expose: vec!["ETag".to_owned(), "Retry-After".to_owned()],
        credentials: false,
        max_age: Duration::from_secs(600),
    }
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        let name: HeaderName = name.parse().unwrap();
        (name, HeaderValue::from_str(value).unwrap())
    };
    let mut headers = HeaderMap::new();
    for (name, value) in pairs.iter().map(pair) {
        headers.append(name, value);
    }
    headers
}

fn asks(origin: &str, method: &str, wanted: &[&str]) -> HeaderMap {
    let mut pairs = vec![("origin", origin), ("access-control-request-method", method)];
    pairs.extend(wanted.iter().map(|names| ("access-control-request-headers", *names)));
    headers(&pairs)
}

fn told<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h str> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

#[test]
fn a_preflight_has_an_origin_and_a_method_and_nothing_else_to_it() {
    let asked = asks(APP, "PUT", &[]);
    assert!(is_preflight(&Method::OPTIONS, &asked));
    assert!(!is_preflight(&Method::GET, &asked));
    assert!(!is_preflight(&Method::OPTIONS, &headers(&[("origin", APP)])));
    let no_origin = headers(&[("access-control-request-method", "PUT")]);
    assert!(!is_preflight(&Method::OPTIONS, &no_origin));
    for (name, value, is) in [
        ("access-control-request-method", "GET", false),
        ("authorization", "Bearer x", false),
        ("content-length", "1", false),
        ("content-length", "0", true),
        ("transfer-encoding", "chunked", false),
        ("cookie", "a=b", true),
    ] {
        let mut more = asked.clone();
        more.append(name, HeaderValue::from_str(value).unwrap());
        assert_eq!(is_preflight(&Method::OPTIONS, &more), is, "{name}: {value}");
    }
}

#[test]
fn a_browser_is_told_what_it_asked_for_and_no_more() {
    let cors = Cors::new(rules());
    let asked = asks(APP, "PUT", &["Authorization, X-Amz-Date", "x-amz-content-sha256"]);
    let answer = cors.preflight(&asked).unwrap();
    assert_eq!(told(&answer, "access-control-allow-origin"), [APP]);
    assert_eq!(told(&answer, "access-control-allow-methods"), ["GET, PUT"]);
    let names = "authorization, x-amz-date, x-amz-content-sha256";
    assert_eq!(told(&answer, "access-control-allow-headers"), [names]);
    assert_eq!(told(&answer, "access-control-max-age"), ["600"]);
    assert_eq!(told(&answer, "access-control-allow-credentials"), [""; 0]);
    let vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
    assert_eq!(told(&answer, "vary"), [vary]);
    // Browsers ask about the methods of forms where a header makes them.
    assert!(cors.preflight(&asks(APP, "POST", &["authorization"])).is_ok());
    let none = cors.preflight(&asks(APP, "GET", &[])).unwrap();
    assert!(!none.contains_key("access-control-allow-headers"));
}

#[test]
fn what_is_not_listed_is_refused() {
    let cors = Cors::new(rules());
    let many = vec!["x-amz-a"; 101].join(",");
    let most = vec!["x-amz-a"; 100].join(",");
    assert!(cors.preflight(&asks(APP, "PUT", &[&most])).is_ok());
    for (asked, wanted) in [
        (asks("https://evil.example", "GET", &[]), CorsError::Origin),
        (asks("https://app.example.evil.example", "GET", &[]), CorsError::Origin),
        (asks("https://app.example:443", "GET", &[]), CorsError::Origin),
        (asks("http://app.example", "GET", &[]), CorsError::Origin),
        (asks("null", "GET", &[]), CorsError::Origin),
        (asks("*", "GET", &[]), CorsError::Origin),
        (asks(APP, "DELETE", &[]), CorsError::Method),
        (asks(APP, "put", &[]), CorsError::Method),
        (asks(APP, "", &[]), CorsError::Method),
        (asks(APP, "PUT", &["authorization, x-other"]), CorsError::Header),
        (asks(APP, "PUT", &["authorization x-amz-date"]), CorsError::Header),
        (asks(APP, "PUT", &["x-am"]), CorsError::Header),
        (asks(APP, "PUT", &["x-amz-*\""]), CorsError::Header),
        (asks(APP, "PUT", &[&many]), CorsError::Header),
    ] {
        assert_eq!(cors.preflight(&asked), Err(wanted), "{asked:?}");
    }
}

#[test]
fn any_origin_is_told_as_such() {
    let any = CorsRules { origins: vec!["*".to_owned()], headers: vec!["*".to_owned()], ..rules() };
    let cors = Cors::new(any);
    for origin in [APP, "null", "https://anything.example"] {
        let answer = cors.preflight(&asks(origin, "GET", &["x-anything"])).unwrap();
        assert_eq!(told(&answer, "access-control-allow-origin"), ["*"]);
        assert_eq!(told(&answer, "access-control-allow-headers"), ["x-anything"]);
    }
    let mut answer = HeaderMap::new();
    cors.tell(None, &mut answer);
    assert_eq!(told(&answer, "access-control-allow-origin"), ["*"]);
    assert!(!answer.contains_key("vary"), "it is the same for all");
}

#[test]
fn answers_are_for_listed_pages_and_say_that_others_get_another() {
    let cors = Cors::new(CorsRules { credentials: true, ..rules() });
    let app = HeaderValue::from_static(APP);
    let mut answer = HeaderMap::new();
    cors.tell(Some(&app), &mut answer);
    assert_eq!(told(&answer, "access-control-allow-origin"), [APP]);
    assert_eq!(told(&answer, "access-control-allow-credentials"), ["true"]);
    assert_eq!(told(&answer, "access-control-expose-headers"), ["ETag, Retry-After"]);
    assert_eq!(told(&answer, "vary"), ["Origin"]);
    for other in [None, Some(HeaderValue::from_static("https://evil.example"))] {
        let mut answer = HeaderMap::new();
        cors.tell(other.as_ref(), &mut answer);
        assert_eq!(told(&answer, "vary"), ["Origin"]);
        assert_eq!(answer.len(), 1, "{answer:?}");
    }
}

#[test]
fn what_an_upstream_says_of_it_does_not_stand() {
    let cors = Cors::new(rules());
    let upstream = [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-origin", "https://evil.example"),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "x-secret"),
        ("access-control-allow-methods", "DELETE"),
        ("access-control-allow-headers", "x"),
        ("access-control-max-age", "1"),
        ("content-type", "text/plain"),
    ];
    let mut answer = headers(&upstream);
    cors.tell(Some(&HeaderValue::from_static("https://evil.example")), &mut answer);
    assert_eq!(answer.len(), 2, "{answer:?}");
    let mut answer = headers(&upstream);
    cors.tell(Some(&HeaderValue::from_static(APP)), &mut answer);
    assert_eq!(told(&answer, "access-control-allow-origin"), [APP]);
    assert_eq!(told(&answer, "access-control-expose-headers"), ["ETag, Retry-After"]);
    assert_eq!(answer.len(), 4, "{answer:?}");

    for (vary, told_of) in [
        ("Accept-Encoding", vec!["Accept-Encoding", "Origin"]),
        ("accept, origin", vec!["accept, origin"]),
        ("*", vec!["*"]),
    ] {
        let mut answer = headers(&[("vary", vary)]);
        cors.tell(None, &mut answer);
        assert_eq!(told(&answer, "vary"), told_of);
    }
}
