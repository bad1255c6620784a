use super::*;
use crate::config;

fn settings(text: &str) -> Settings {
    config::load_text(Path::new("poolgate.yaml"), text, &|_| None).ok().unwrap().0
}

const CONFIG: &str = r#"
listen: { proxy: { address: "127.0.0.1:8080" }, admin: { address: "127.0.0.1:9901" } }
decision_log: { sink: file, path: decisions }
access_log: { sink: file, path: access }
routes:
  - name: open
    service: execute-api
    engines: { iam: off }
    authenticate: none
    upstream: { url: "http://127.0.0.1:3000" }
"#;

#[test]
fn only_what_is_fixed_at_the_start_and_differs_needs_a_restart() {
    let before = settings(CONFIG);
    for (from, to, field) in [
        ("", "", None),
        // What only moved is what it was.
        ("\nlisten", "\n# a line\n\nlisten", None),
        ("listen: {", "listen:   {", None),
        ("3000", "3001", None),
        ("8080", "8081", Some("listen")),
        ("9901", "9902", Some("listen.admin")),
        ("path: decisions", "path: others", Some("decision_log")),
        ("path: access", "path: others", Some("access_log")),
    ] {
        let after = settings(&CONFIG.replacen(from, to, 1));
        assert_eq!(needs_restart(&before, &after), field, "{from} {to}");
    }
}
