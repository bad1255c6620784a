//! Over many generated requests no caller reads or changes a row that is not theirs; what the gate
//! took for the leading keys is what the tables then touched.

use std::{
    collections::BTreeMap,
    env,
    time::{Instant, UNIX_EPOCH},
};

use serde_json::Value;

use super::{
    cases::{Case, FORBIDDEN, Intent, KINDS, Maker},
    random::Random,
    relay::Relay,
    setup::{ROLES, gate, token},
    store::Store,
    world::{PEOPLE, TABLES, World, secret, secret_number},
};
use crate::support::{Answer, Gate, Seen, Wire};

#[test]
fn no_caller_reads_or_changes_a_row_that_is_not_theirs() {
    let _alone = super::alone();
    let number = |name: &str| env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let count = number("POOLGATE_ROWS").unwrap_or(2_000);
    let first = number("POOLGATE_ROWS_FIRST").unwrap_or(0);
    let seed = number("POOLGATE_ROWS_SEED").unwrap_or_else(seed);
    println!("POOLGATE_ROWS_SEED={seed}");

    let mut law = Law::start();
    let mut counts = Counts::default();
    let mut broken: Vec<String> = Vec::new();
    let started = Instant::now();
    for number in first..first + count {
        let mut random = Random::of(seed, number);
        let person = random.below(PEOPLE);
        let role = *random.pick(&ROLES);
        let case = Maker::new(random, &law.world, person).case();
        let found = law.ask(person, role, &case, &mut counts);
        if let Err(what) = found {
            let body = String::from_utf8_lossy(&case.body);
            broken.push(format!(
                "{what}\n  POOLGATE_ROWS_SEED={seed} POOLGATE_ROWS_FIRST={number} POOLGATE_ROWS=1\n  \
                 person {person} as {role}, {:?}: {}{body}",
                case.intent, case.head
            ));
        }
        if broken.len() == 20 {
            break;
        }
    }
    println!("{count} requests in {:?}\n{counts}", started.elapsed());
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
    if count >= 1_000 {
        counts.check();
    }
}

/// The gate, the tables, and what is in them.
struct Law {
    gate: Gate,
    wire: Wire,
    relay: Relay,
    store: Store,
    world: World,
    tokens: BTreeMap<(usize, &'static str), String>,
    /// All rows as they were put, by table and key, with whose they are.
    rows: Rows,
}

type Rows = BTreeMap<(&'static str, String), (Option<usize>, Value)>;

impl Law {
    fn start() -> Self {
        let mut store = Store::start();
        let relay = Relay::start(store.address);
        let gate = gate(relay.address, "");
        let mut wire = Wire::connect(gate.proxy);
        let mut tokens = BTreeMap::new();
        let identities = std::array::from_fn(|person| {
            for role in ROLES {
                tokens.insert((person, role), token(person, role));
            }
            identity(&mut wire, &relay, &tokens[&(person, ROLES[0])])
        });
        let world = World { identities };
        store.create();
        for table in &TABLES {
            for person in 0..PEOPLE {
                for row in world.rows(table, person) {
                    store.put(table, &row);
                }
            }
        }
        let rows = rows(&mut store, &world);
        assert_eq!(rows.len(), PEOPLE * (3 * 3 + 1));
        Self { gate, wire, relay, store, world, tokens, rows }
    }

    /// Sends one request and looks at everything that came of it.
    fn ask(
        &mut self,
        person: usize,
        role: &'static str,
        case: &Case,
        counts: &mut Counts,
    ) -> Result<(), String> {
        let token = &self.tokens[&(person, role)];
        let head = format!(
            "{}authorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n",
            case.head,
            case.body.len()
        );
        self.wire.send([head.as_bytes(), &case.body].concat());
        let Some(answer) = self.wire.answer() else {
            self.wire = Wire::connect(self.gate.proxy);
            return Err(format!("no answer: {}", self.gate.log()));
        };
        if answer.header("connection").is_some_and(|value| value == "close") {
            self.wire = Wire::connect(self.gate.proxy);
        }
        let seen = self.relay.take();
        counts.note(case, !seen.is_empty(), &answer);
        let text = String::from_utf8_lossy(&answer.body);
        match (seen.as_slice(), case.intent) {
            ([], Intent::Own) => return Err(format!("own rows are denied: {text}")),
            ([], _) if answer.status == 200 => return Err(format!("nobody allowed {text}")),
            ([], _) => return Ok(()),
            ([_], Intent::Others) => {
                self.restore(person)?;
                return Err(format!("rows of others are allowed: {text}"));
            }
            ([seen], _) => is_what_was_judged(seen, case)?,
            _ => return Err(format!("more than one request was made of it: {seen:?}")),
        }
        self.restore(person)?;
        self.tells_nothing_of_others(person, case, &answer)
    }

    /// Compares the rows with what they were, puts back those of `person`, and finds fault with
    /// any other change.
    fn restore(&mut self, person: usize) -> Result<(), String> {
        let now = rows(&mut self.store, &self.world);
        let mut fault = Ok(());
        for (key, (owner, row)) in &now {
            if self.rows.get(key).is_some_and(|(_, before)| before == row) {
                continue;
            }
            if *owner != Some(person) {
                fault = Err(format!("a row of {owner:?} came or changed: {row}"));
            }
            if !self.rows.contains_key(key) {
                self.store.delete(key.0, row);
            }
        }
        for (key, (owner, row)) in &self.rows {
            let same = now.get(key).map(|(_, now)| now == row);
            if same == Some(true) {
                continue;
            }
            if *owner != Some(person) && same.is_none() {
                fault = Err(format!("a row of {owner:?} is gone: {row}"));
            }
            self.store.put(super::store::table(key.0), row);
        }
        fault
    }

    fn tells_nothing_of_others(
        &self,
        person: usize,
        case: &Case,
        answer: &Answer,
    ) -> Result<(), String> {
        let text = String::from_utf8_lossy(&answer.body);
        let others = (0..PEOPLE).filter(|other| *other != person);
        for other in others {
            let number = format!("\"N\":\"{}", secret_number(other));
            if text.contains(&secret(other)) || text.replace(' ', "").contains(&number) {
                return Err(format!("it tells of {other}: {text}"));
            }
        }
        if !case.operation.contains("Get") && case.operation != "Query" {
            return Ok(());
        }
        let answer: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let mut items = Vec::new();
        items_in(&answer, &mut items);
        for item in items {
            // The key of `single` has the name of another's sort key.
            let theirs = TABLES.iter().filter(|table| table.name != "single").any(|table| {
                let found = text_of(&item[table.owner.0]);
                found.is_some_and(|found| found != self.world.owner(table, person))
            });
            if theirs {
                return Err(format!("it tells of a row of another: {item}"));
            }
        }
        let most = if case.operation == "Query" { 3 } else { u64::MAX };
        match answer["ScannedCount"].as_u64() {
            Some(count) if count > most => Err(format!("it counts rows of others: {answer}")),
            _ => Ok(()),
        }
    }
}

/// The identity id of whose token this is, as the tables' side is told it.
fn identity(wire: &mut Wire, relay: &Relay, token: &str) -> String {
    let answer = wire.ask(format!(
        "POST / HTTP/1.1\r\nhost: gate\r\nauthorization: Bearer {token}\r\n\
         x-amz-target: DynamoDB_20120810.ListTables\r\n\
         content-type: application/x-amz-json-1.0\r\ncontent-length: 2\r\n\r\n{{}}"
    ));
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    relay.take()[0].header("x-poolgate-identity")[0].replace("%3A", ":")
}

/// What arrives is what was sent, byte for byte.
fn is_what_was_judged(seen: &Seen, case: &Case) -> Result<(), String> {
    let target = format!("DynamoDB_20120810.{}", case.operation);
    match seen.body == case.body && seen.header("x-amz-target") == [target] {
        true => Ok(()),
        false => Err(format!("another request arrived: {seen:?}")),
    }
}

/// All rows there are.
fn rows(store: &mut Store, world: &World) -> Rows {
    let mut rows = Rows::new();
    for table in &TABLES {
        for row in store.rows(table) {
            let owner = text_of(&row[table.owner.0]).unwrap_or_default();
            let owner = (0..PEOPLE).find(|person| world.owner(table, *person) == owner);
            let sort = table.sort.map(|(name, _)| row[name].to_string());
            let key = format!("{} {}", row[table.owner.0], sort.unwrap_or_default());
            rows.insert((table.name, key), (owner, row));
        }
    }
    rows
}

/// The text of a key's attribute.
fn text_of(attribute: &Value) -> Option<&str> {
    ["S", "N", "B"].iter().find_map(|kind| attribute[kind].as_str())
}

/// The items in an answer.
fn items_in<'a>(answer: &'a Value, items: &mut Vec<&'a Value>) {
    for name in ["Item", "Attributes"] {
        items.extend(answer.get(name));
    }
    if let Some(many) = answer["Items"].as_array() {
        items.extend(many);
    }
    match &answer["Responses"] {
        Value::Array(responses) => {
            responses.iter().for_each(|response| items_in(response, items));
        }
        Value::Object(tables) => {
            items.extend(tables.values().filter_map(Value::as_array).flatten())
        }
        _ => {}
    }
}

/// How many requests of each kind there were, and what became of them.
#[derive(Default)]
struct Counts(BTreeMap<&'static str, [u32; 4]>);

impl Counts {
    fn note(&mut self, case: &Case, allowed: bool, answer: &Answer) {
        let [all, own, passed, done] = self.0.entry(case.kind).or_default();
        *all += 1;
        *own += u32::from(case.intent == Intent::Own);
        *passed += u32::from(allowed);
        *done += u32::from(allowed && answer.status == 200);
    }

    /// The law would hold if all were denied, or if the tables refused what is allowed.
    fn check(&self) {
        for kind in KINDS.into_iter().filter(|kind| *kind != FORBIDDEN) {
            let [all, _, passed, done] = self.0[kind];
            assert!(passed * 100 >= all * 15, "{kind}: {passed} of {all} are allowed");
            assert!(done * 100 >= all * 3, "{kind}: {done} of {all} are done");
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (kind, [all, own, passed, done]) in &self.0 {
            writeln!(f, "{kind:22} {all:6}, own {own:6}, allowed {passed:6}, done {done:6}")?;
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "another seed every time")]
fn seed() -> u64 {
    let elapsed = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::from(elapsed.subsec_nanos()) ^ elapsed.as_secs()
}
