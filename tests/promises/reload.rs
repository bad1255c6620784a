//! P3: a reload is atomic, and a bad one changes nothing and is visible.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread::{self, sleep},
    time::Duration,
};

use serde_json::Value;

use crate::{
    setup::{Setup, allow, edit_role, get},
    support::{Backend, Gate, Issuer, ROLE, Wire},
};

const LOG: &str = "decision_log: { sink: file, path: decisions }";

fn token() -> String {
    Issuer::shared().id_token("user", &[], Some(ROLE))
}

fn generation(gate: &Gate) -> f64 {
    gate.metric("poolgate_generation").unwrap()
}

fn failed(gate: &Gate) -> bool {
    gate.metric("poolgate_reload_failed") == Some(1.0)
}

fn status(gate: &Gate, path: &str) -> u16 {
    Wire::connect(gate.proxy).ask(get(path, &token())).status
}

/// What the decision log has, once it has stopped growing.
fn decisions(path: &Path) -> Vec<Value> {
    let mut text = String::new();
    loop {
        let now = fs::read_to_string(path).unwrap();
        if now.len() == text.len() {
            return text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        }
        text = now;
        sleep(Duration::from_millis(100));
    }
}

/// Keeps three kept connections busy with `paths` while `test` runs; every answer must be one of
/// `statuses`. Gives decision ids and statuses, by connection.
fn under_load(
    gate: &Gate,
    paths: &[&str],
    statuses: &[u16],
    test: impl FnOnce(),
) -> Vec<Vec<(String, u16)>> {
    let done = AtomicBool::new(false);
    let token = token();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut wire = Wire::connect(gate.proxy);
                    let mut answers = Vec::new();
                    for path in paths.iter().cycle() {
                        if done.load(Ordering::Relaxed) {
                            break;
                        }
                        let answer = wire.ask(get(path, &token));
                        assert!(statuses.contains(&answer.status), "{} {path}", answer.status);
                        let id = answer.header("x-poolgate-decision-id").unwrap().to_owned();
                        answers.push((id, answer.status));
                        sleep(Duration::from_millis(1));
                    }
                    answers
                })
            })
            .collect();
        test();
        done.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    })
}

#[test]
fn every_answer_is_right_for_one_generation_and_after_the_swap_for_the_new_one() {
    let backend = Backend::start();
    let setup = Setup::new(backend.address, LOG);
    allow(setup.folder.path(), "test", &["GET/api/odd"]);
    let gate = setup.start();
    let folder = gate.folder.path();
    let answers = under_load(&gate, &["/api/odd", "/api/even"], &[200, 403], || {
        for round in 2..8_u32 {
            let path = if round % 2 == 0 { "GET/api/even" } else { "GET/api/odd" };
            allow(folder, "test", &[path]);
            gate.signal("HUP");
            gate.wait_for("swap", |gate| generation(gate) >= f64::from(round));
            assert_eq!(status(&gate, "/api/odd"), if round % 2 == 0 { 403 } else { 200 });
            assert_eq!(status(&gate, "/api/even"), if round % 2 == 0 { 200 } else { 403 });
            sleep(Duration::from_millis(30));
        }
    });
    let log = decisions(&gate.path("decisions"));
    let mut by_id = BTreeMap::new();
    let mut hashes: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
    for decision in &log {
        let generation = decision["generation"].as_u64().unwrap();
        let odd = decision["path"] == "/api/odd";
        let expected = if odd == (generation % 2 == 1) { "allow" } else { "deny" };
        assert_eq!(decision["effect"], expected, "{decision}");
        hashes.entry(generation).or_default().insert(decision["config_hash"].as_str().unwrap());
        by_id.insert(decision["decision_id"].as_str().unwrap(), (generation, expected));
    }
    assert!(hashes.values().all(|hashes| hashes.len() == 1), "{hashes:?}");
    assert_eq!(hashes.len(), 7, "{hashes:?}");
    for connection in answers {
        let mut last = 0;
        assert!(connection.len() > 20);
        for (id, status) in connection {
            let (generation, effect) = by_id[id.as_str()];
            assert_eq!(status == 200, effect == "allow");
            assert!(generation >= last, "an older generation answered after a newer one");
            last = generation;
        }
    }
    assert_eq!(backend.count(), log.iter().filter(|d| d["effect"] == "allow").count());
}

#[test]
fn a_mounted_volume_is_swapped_whole_even_in_a_storm_of_signals() {
    let backend = Backend::start();
    let mut setup = Setup::new(backend.address, LOG);
    // As Kubernetes mounts a ConfigMap: links to a folder behind a link that is replaced.
    let folder = setup.folder.path().to_owned();
    for (name, stage) in [("..one", "one"), ("..two", "two")] {
        allow(&folder, stage, &["GET/api/*"]);
        fs::create_dir(folder.join(name)).unwrap();
        copy(&folder.join("policies"), &folder.join(name).join("policies"));
        let text = setup.text.replace("stage: test", &format!("stage: {stage}"));
        fs::write(folder.join(name).join("poolgate.yaml"), text).unwrap();
    }
    fs::remove_dir_all(folder.join("policies")).unwrap();
    let point = |name: &str| {
        symlink(name, folder.join("..draft")).unwrap();
        fs::rename(folder.join("..draft"), folder.join("..data")).unwrap();
    };
    point("..one");
    symlink("..data/policies", folder.join("policies")).unwrap();
    symlink("..data/poolgate.yaml", folder.join("poolgate.yaml")).unwrap();
    setup.text = fs::read_to_string(folder.join("poolgate.yaml")).unwrap();
    let gate = setup.start();

    under_load(&gate, &["/api/x"], &[200], || {
        for name in ["..two", "..one"].into_iter().cycle().take(30) {
            gate.signal("HUP");
            point(name);
            gate.signal("HUP");
            gate.signal("HUP");
        }
        // The last state is found without a signal.
        sleep(Duration::from_millis(200));
        point("..two");
        let stage_two = |gate: &Gate| gate.admin("/config").unwrap().1.contains("stage: two");
        gate.wait_for("swap of the last state", stage_two);
    });
    assert_eq!(gate.metric("poolgate_reload_failed"), Some(0.0));
    let mut stages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for decision in decisions(&gate.path("decisions")) {
        let resource = decision["checks"][0]["resource"].as_str().unwrap();
        let hash = decision["config_hash"].as_str().unwrap();
        stages.entry(hash.to_owned()).or_default().insert(resource.to_owned());
    }
    // A third hash would be a generation of files from both states.
    assert_eq!(stages.len(), 2, "{stages:?}");
    assert!(stages.values().all(|resources| resources.len() == 1), "{stages:?}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(path, target).unwrap();
        }
    }
}

#[test]
fn a_bad_configuration_changes_nothing_and_is_visible() {
    let backend = Backend::start();
    let setup = Setup::new(backend.address, "");
    allow(setup.folder.path(), "test", &["GET/api/old"]);
    let text = setup.text.clone();
    let gate = setup.start();
    let folder = gate.folder.path().to_owned();
    let config = folder.join("poolgate.yaml");
    let role = folder.join("policies/roles/Tester.json");
    let pool = folder.join("policies/identity-pools/test.json");
    let (good_role, good_pool) =
        (fs::read_to_string(&role).unwrap(), fs::read_to_string(&pool).unwrap());

    // Each comes with a permission for /api/new, which must not show.
    type Break<'a> = (&'a str, Box<dyn Fn() + 'a>, &'a str);
    let breaks: [Break<'_>; 8] = [
        (
            "syntax",
            Box::new(|| fs::write(&config, format!("{text}\n  - [\n")).unwrap()),
            "poolgate.yaml:",
        ),
        (
            "field",
            Box::new(|| fs::write(&config, format!("{text}\nextra: 1\n")).unwrap()),
            "poolgate.yaml:18:1: ",
        ),
        (
            "half",
            Box::new(|| fs::write(&config, &text[..text.len() / 2]).unwrap()),
            "poolgate.yaml:",
        ),
        ("empty", Box::new(|| fs::write(&config, "").unwrap()), "poolgate.yaml:1:1: "),
        ("gone", Box::new(|| fs::remove_file(&config).unwrap()), "poolgate.yaml:1:1: "),
        (
            "policy",
            Box::new(|| {
                edit_role(&folder, |role| {
                    role["RolePolicyList"][0]["PolicyDocument"]["Statement"][0]["Effect"] =
                        "Maybe".into();
                });
            }),
            "Tester.json:",
        ),
        (
            "missing managed policy",
            Box::new(|| {
                edit_role(&folder, |role| {
                    let arn = "arn:aws:iam::111122223333:policy/Gone";
                    role["AttachedManagedPolicies"] =
                        serde_json::json!([{ "PolicyName": "Gone", "PolicyArn": arn }]);
                });
            }),
            "Tester.json:",
        ),
        (
            "half a pool",
            Box::new(|| fs::write(&pool, &good_pool[..good_pool.len() / 2]).unwrap()),
            "test.json:1:",
        ),
    ];
    let mut swaps = 1.0;
    for (what, damage, place) in breaks {
        allow(&folder, "test", &["GET/api/old", "GET/api/new"]);
        let told = gate.log().len();
        damage();
        gate.signal("HUP");
        gate.wait_for(what, failed);
        assert_eq!(generation(&gate), swaps, "{what}");
        assert_eq!((status(&gate, "/api/old"), status(&gate, "/api/new")), (200, 403), "{what}");
        // Lines are written behind the metric.
        gate.wait_for(what, |gate| gate.log().split_off(told).contains(place));

        fs::write(&role, &good_role).unwrap();
        fs::write(&pool, &good_pool).unwrap();
        fs::write(&config, &text).unwrap();
        gate.signal("HUP");
        gate.wait_for("mended configuration", |gate| !failed(gate));
        swaps = generation(&gate);
        assert_eq!((status(&gate, "/api/old"), status(&gate, "/api/new")), (200, 403), "{what}");
    }
    assert!(gate.metric(r#"poolgate_reloads_total{result="refused"}"#).unwrap() >= 8.0);

    // A role that is gone is no error, since accounts have roles beyond an export: it denies.
    fs::remove_file(&role).unwrap();
    gate.signal("HUP");
    gate.wait_for("swap", |gate| generation(gate) > swaps);
    assert_eq!(status(&gate, "/api/old"), 403);
}

#[test]
fn a_file_that_is_being_written_is_not_taken_up() {
    let backend = Backend::start();
    let setup = Setup::new(backend.address, "");
    allow(setup.folder.path(), "test", &["GET/api/old"]);
    let gate = setup.start();
    let role = gate.path("policies/roles/Tester.json");
    let text = fs::read_to_string(&role).unwrap().replace("api/old", "api/new");
    for part in 1..=8 {
        // Changes come faster than the watch looks, so none of them is ever quiet.
        fs::write(&role, &text[..text.len() * part / 8]).unwrap();
        sleep(Duration::from_millis(100));
    }
    gate.wait_for("swap", |gate| generation(gate) == 2.0);
    assert_eq!(gate.metric(r#"poolgate_reloads_total{result="refused"}"#), None);
    assert_eq!((status(&gate, "/api/old"), status(&gate, "/api/new")), (403, 200));
}

#[test]
fn a_refused_configuration_is_taken_up_once_the_file_it_lacks_is_there() {
    let backend = Backend::start();
    let setup = Setup::new(backend.address, "");
    allow(setup.folder.path(), "test", &["GET/api/old"]);
    let gate = setup.start();
    let config = gate.path("poolgate.yaml");
    let text = fs::read_to_string(&config).unwrap();
    let more = "admin: { token: { file: admin-token } }\n";
    fs::write(&config, format!("{text}\n{more}")).unwrap();
    gate.wait_for("refusal", failed);
    let refused = || gate.metric(r#"poolgate_reloads_total{result="refused"}"#);
    sleep(Duration::from_millis(2500));
    assert_eq!(refused(), Some(1.0), "the same refusal is told once");
    fs::write(gate.path("admin-token"), "a-token-of-sixteen-bytes-or-more").unwrap();
    gate.wait_for("the missing file", |gate| !failed(gate) && generation(gate) == 2.0);
    assert_eq!(status(&gate, "/api/old"), 200);
}

/// A shadow decides nothing: what is wrong with it must not keep a fix of what decides from being made.
#[test]
fn a_broken_shadow_refuses_nothing_else_and_is_visible() {
    let backend = Backend::start();
    let setup = Setup::new(backend.address, "shadow_policies: next");
    allow(setup.folder.path(), "test", &["GET/api/old"]);
    let shadow = setup.path("next/roles/Tester.json");
    fs::create_dir_all(shadow.parent().unwrap()).unwrap();
    fs::write(&shadow, "{").unwrap();
    let gate = setup.start();
    let folder = gate.folder.path().to_owned();
    let refused = |gate: &Gate| gate.metric("poolgate_shadow_refused") == Some(1.0);
    let compared = |gate: &Gate, agrees: bool| {
        let (_, text) = gate.admin("/metrics").unwrap();
        let own = |line: &&str| {
            line.starts_with("poolgate_shadow_decisions_total{")
                && line.contains(&format!("agrees=\"{agrees}\""))
        };
        let counts = text.lines().filter(own).filter_map(|line| line.rsplit(' ').next());
        counts.map(|count| count.parse::<f64>().unwrap()).sum::<f64>()
    };
    // From the start.
    assert!(refused(&gate) && !failed(&gate));
    let told = |gate: &Gate, text: &str| {
        gate.log()
            .lines()
            .any(|line| line.contains("next/roles/Tester.json:1:") && line.contains(text))
    };
    gate.wait_for("log", |gate| told(gate, "shadow policies refused; there are none"));
    assert_eq!(status(&gate, "/api/old"), 200);
    assert_eq!(compared(&gate, true) + compared(&gate, false), 0.0);

    // Mended, it is asked.
    fs::copy(folder.join("policies/roles/Tester.json"), &shadow).unwrap();
    gate.wait_for("mended shadow", |gate| !refused(gate));
    assert_eq!(status(&gate, "/api/old"), 200);
    assert_eq!((compared(&gate, true), compared(&gate, false)), (1.0, 0.0));

    // Broken again while what decides changes: that is in force, beside the last good shadow.
    fs::write(&shadow, "[]").unwrap();
    allow(&folder, "test", &["GET/api/new"]);
    gate.signal("HUP");
    gate.wait_for("broken shadow", |gate| refused(gate) && status(gate, "/api/new") == 200);
    assert!(!failed(&gate));
    gate.wait_for("log", |gate| told(gate, "shadow policies refused; the last good ones stay"));
    let before = compared(&gate, false);
    assert_eq!((status(&gate, "/api/new"), status(&gate, "/api/old")), (200, 403));
    assert_eq!(compared(&gate, false), before + 2.0, "it allows the old path alone");
}
