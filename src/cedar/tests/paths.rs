use crate::cedar::paths::{Paths, Template};

fn find(actions: &[&str], request: &str) -> Option<usize> {
    let mut paths = Paths::default();
    for (index, action) in actions.iter().enumerate() {
        paths.add(Template::parse(action).unwrap().unwrap(), index).unwrap();
    }
    let (method, path) = request.split_once(' ').unwrap();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    paths.find(method, &segments).map(|(_, index)| index)
}

#[test]
fn the_most_literal_action_wins() {
    let actions = [
        "any /{proxy+}",
        "get /pets/{id}",
        "get /pets/mine",
        "any /pets/{id}",
        "get /pets/",
        "get /",
        "get /pets/{id}/{rest+}",
    ];
    for (request, index) in [
        ("GET /pets/mine", 2),
        ("GET /pets/1", 1),
        ("POST /pets/mine", 3),
        ("GET /pets/", 4),
        ("GET /", 5),
        ("POST /", 0),
        ("GET /pets", 0),
        ("GET /pets/1/toys", 6),
        ("GET /pets/1/", 6),
        ("GET /x/y/z", 0),
        ("get /pets/1", 1),
    ] {
        assert_eq!(find(&actions, request), Some(index), "{request}");
    }
    assert_eq!(find(&["get /pets/{id}"], "GET /pets/"), None);
    assert_eq!(find(&["get /pets/{id}"], "GET /pets/1/2"), None);
}

#[test]
fn other_names_are_none_of_an_api() {
    for id in ["s3:GetObject", "view", "get pets", ""] {
        assert!(Template::parse(id).unwrap().is_none(), "{id}");
    }
    for id in ["GET /pets", " /pets", "get /{a+}/b", "get /{", "get /{}", "get /x{a}", "get /%41"] {
        assert!(Template::parse(id).is_err(), "{id}");
    }
}

#[test]
fn two_actions_for_the_same_requests_are_noticed() {
    let mut paths = Paths::default();
    let parse = |id| Template::parse(id).unwrap().unwrap();
    paths.add(parse("get /pets/{id}"), 0).unwrap();
    assert_eq!(paths.add(parse("get /pets/{name}"), 1), Err(0));
    paths.add(parse("any /pets/{name}"), 1).unwrap();
}
