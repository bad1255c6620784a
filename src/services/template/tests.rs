//! Templates: which one fits, and what it names.

use super::*;
use crate::http::TargetMode;

fn template(method: &str, path: &[&str], action: &str, resource: Vec<Piece>) -> Template {
    let segments = path
        .iter()
        .map(|text| match *text {
            "{}" => Segment::Parameter,
            text => Segment::Literal(text.to_owned()),
        })
        .collect();
    let method = (method != "*").then(|| method.parse().unwrap());
    Template { method, segments, action: Action::new(action), resource }
}

fn literal(text: &str) -> Piece {
    Piece::Literal(text.to_owned())
}

fn templates() -> Templates {
    let arn = "arn:aws:orders:::order/";
    let mut templates = Templates::default();
    let by_id = |method, action| {
        let resource = vec![literal(arn), Piece::Segment(1)];
        template(method, &["orders", "{}"], action, resource)
    };
    templates.add(by_id("GET", "orders:Read")).unwrap();
    templates.add(by_id("*", "orders:Other")).unwrap();
    let mine = template("GET", &["orders", "mine"], "orders:ListMine", vec![literal(arn)]);
    templates.add(mine).unwrap();
    let lines = vec![literal(arn), Piece::Segment(1), literal("/line/"), Piece::Segment(3)];
    templates.add(template("PUT", &["orders", "{}", "lines", "{}"], "orders:Put", lines)).unwrap();
    templates
}

fn check(method: &str, target: &str) -> Option<(String, String)> {
    let target = Target::parse(target, TargetMode::Strict).unwrap();
    let check = templates().check(&method.parse().unwrap(), &target)?;
    Some((check.action.as_str().to_owned(), check.resource.as_str().to_owned()))
}

#[test]
fn the_most_literal_template_wins() {
    for (method, target, action, resource) in [
        ("GET", "/orders/17", "orders:Read", "arn:aws:orders:::order/17"),
        ("GET", "/orders/17?x=1", "orders:Read", "arn:aws:orders:::order/17"),
        ("GET", "/orders/mine", "orders:ListMine", "arn:aws:orders:::order/"),
        ("POST", "/orders/mine", "orders:Other", "arn:aws:orders:::order/mine"),
        ("DELETE", "/orders/17", "orders:Other", "arn:aws:orders:::order/17"),
        ("PUT", "/orders/17/lines/a%20b", "orders:Put", "arn:aws:orders:::order/17/line/a b"),
    ] {
        let found = check(method, target).unwrap();
        assert_eq!(found, (action.to_owned(), resource.to_owned()), "{method} {target}");
    }
}

#[test]
fn what_no_template_fits_has_no_name() {
    for (method, target) in [
        ("GET", "/"),
        ("GET", "/orders"),
        ("GET", "/orders/"),
        ("GET", "/orders/17/"),
        ("GET", "/orders/17/lines/1"),
        ("GET", "/Orders/17"),
    ] {
        assert_eq!(check(method, target), None, "{method} {target}");
    }
}

#[test]
fn a_value_is_taken_literally() {
    let (_, resource) = check("GET", "/orders/*").unwrap();
    assert_eq!(resource, "arn:aws:orders:::order/*");
    let (_, resource) = check("GET", "/orders/a:b").unwrap();
    assert_eq!(resource, "arn:aws:orders:::order/a:b");
}

#[test]
fn two_that_fit_the_same_requests_are_refused() {
    let mut templates = templates();
    let again = template("GET", &["orders", "{}"], "orders:X", vec![literal("arn:aws:o:::x")]);
    assert_eq!(templates.add(again), Err(Duplicate));
}
