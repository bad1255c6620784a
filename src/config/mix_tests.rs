use std::path::Path;

use super::*;

fn problems(text: &str) -> Vec<String> {
    let found = load(Path::new("mix.yaml"), text).unwrap_err();
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn a_mix_is_read_with_its_defaults() {
    let text = "requests:\n\
                \x20 - { path: \"/orders/{n}?user={user}\", weight: 9 }\n\
                \x20 - name: write\n\
                \x20   method: POST\n\
                \x20   path: /orders\n\
                \x20   headers: { content-type: application/json }\n\
                \x20   body: '{\"n\": {n}, \"x\": {}}'\n\
                \x20   expect: [201, 409]\n\
                \x20 - { path: /upload, method: PUT, body_size: 4KiB, expect: 200 }\n";
    let mix = load(Path::new("mix.yaml"), text).unwrap();
    let [read, write, upload] = mix.as_slice() else { panic!("{mix:?}") };
    assert_eq!((read.name.as_str(), read.weight), ("GET /orders/{n}?user={user}", 9));
    assert_eq!(read.path.fill(3, 17), "/orders/17?user=3");
    assert_eq!((read.path.fixed(), write.path.fixed()), (None, Some("/orders")));
    assert_eq!(read.body.fixed(), Some(""));
    assert_eq!((write.name.as_str(), write.weight), ("write", 1));
    assert_eq!(write.body.fill(1, 2), "{\"n\": 2, \"x\": {}}");
    assert_eq!(write.expect, [201, 409]);
    assert_eq!(upload.body.fill(1, 1).len(), 4096);
    assert_eq!(upload.expect, [200]);
}

#[test]
fn every_problem_is_told_at_its_place() {
    let text = "requests:\n\
                \x20 - { path: \"/orders/{id}\" }\n\
                \x20 - { path: orders, wieght: 2 }\n\
                \x20 - { path: /x, expect: 99 }\n\
                \x20 - { path: /x, body: a, body_size: 1B }\n\
                \x20 - { path: /x, headers: { Host: a } }\n\
                \x20 - { path: /x, body_size: 17MiB }\n";
    let found = problems(text);
    let starts = [
        "mix.yaml:2:13: requests[0].path: \"/orders/{id}\" has a placeholder other than",
        "mix.yaml:3:13: requests[1].path: must be a path such as",
        "mix.yaml:3:21: requests[1]: `wieght` is not a field here",
        "mix.yaml:4:25: requests[2].expect: must be statuses from 200 to 599",
        "mix.yaml:5:5: requests[3]: has two bodies",
        "mix.yaml:6:28: requests[4].headers: host is written by the program itself",
        "mix.yaml:7:28: requests[5].body_size: must be at most 16MiB",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
    assert!(problems("")[0].contains("`requests` is missing"));
    assert!(problems("requests: []")[0].contains("must not be empty"));
}
