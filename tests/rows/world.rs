//! Who there is, and which rows are whose.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// The type of a key's attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    S,
    N,
    B,
}

/// A table whose partition key says whose a row is.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) owner: (&'static str, Kind),
    pub(crate) sort: Option<(&'static str, Kind)>,
    /// Indexes with the same partition key, and with this sort key.
    pub(crate) indexes: &'static [(&'static str, &'static str)],
    /// What the policy compares the partition key with.
    pub(crate) variable: &'static str,
}

pub(crate) const TABLES: [Table; 4] = [
    Table {
        name: "things",
        owner: ("owner", Kind::S),
        sort: Some(("id", Kind::S)),
        indexes: &[("by-owner", "at"), ("by-note", "note")],
        variable: "${aws:PrincipalTag/owner}",
    },
    Table {
        name: "numbers",
        owner: ("num", Kind::N),
        sort: Some(("id", Kind::S)),
        indexes: &[("by-owner", "at")],
        variable: "${aws:PrincipalTag/number}",
    },
    Table {
        name: "blobs",
        owner: ("key", Kind::B),
        sort: Some(("n", Kind::N)),
        indexes: &[("by-owner", "at")],
        variable: "${aws:PrincipalTag/bytes}",
    },
    Table {
        name: "single",
        owner: ("id", Kind::S),
        sort: None,
        indexes: &[],
        variable: "${cognito-identity.amazonaws.com:sub}",
    },
];

/// Every attribute that is the owner of some table.
pub(crate) const OWNERS: [&str; 4] = ["owner", "num", "key", "id"];

/// How many owners there are.
pub(crate) const PEOPLE: usize = 4;

const NAMES: [&str; PEOPLE] = ["red", "Red", "blue", "red.1"];
const NUMBERS: [&str; PEOPLE] = ["1", "10", "0.5", "-1"];
const BYTES: [&[u8]; PEOPLE] = [b"\x01", b"\x01\x00", b"\xff\xfe", b"red"];

/// What is known of the owners.
pub(crate) struct World {
    /// Their identity ids.
    pub(crate) identities: [String; PEOPLE],
}

impl World {
    /// What is in the partition key of the rows of `person`.
    pub(crate) fn owner(&self, table: &Table, person: usize) -> String {
        match (table.name, table.owner.1) {
            ("single", _) => self.identities[person].clone(),
            (_, kind) => owner_of(kind, person),
        }
    }

    /// The rows that `person` has at first.
    pub(crate) fn rows(&self, table: &Table, person: usize) -> Vec<Value> {
        let ids = match table.sort {
            None => vec![None],
            Some((_, Kind::N)) => ["1", "2"].map(str::to_owned).map(Some).to_vec(),
            Some(_) => ["a", "b"].map(str::to_owned).map(Some).to_vec(),
        };
        let own = table.sort.map(|_| Some(own_id(table, person)));
        let row = |(number, id): (usize, Option<String>)| {
            let secret = format!("{}-{}-{number}", secret(person), table.name);
            let mut row = json!({
                "secret": { "S": secret },
                "note": { "S": format!("note {secret}") },
                "at": { "N": format!("{}{number:03}", secret_number(person)) },
                "kind": { "S": format!("kind {secret}") },
                "info": { "M": { "owner": { "S": secret } } },
            });
            row[table.owner.0] = attribute(table.owner.1, &self.owner(table, person));
            if let (Some((name, kind)), Some(id)) = (table.sort, id) {
                row[name] = attribute(kind, &id);
            }
            row
        };
        ids.into_iter().chain(own).enumerate().map(row).collect()
    }
}

/// A sort key that only rows of `person` have.
pub(crate) fn own_id(table: &Table, person: usize) -> String {
    match table.sort {
        Some((_, Kind::N)) => format!("{}", 10 + person),
        _ => format!("only-{person}"),
    }
}

/// What all texts in the rows of `person` have in them, and nothing that is asked has.
pub(crate) fn secret(person: usize) -> String {
    format!("s3cret{person}")
}

/// What all numbers in them begin with.
pub(crate) fn secret_number(person: usize) -> String {
    format!("88{person}")
}

/// The owner in the tables whose key has this type.
pub(crate) fn owner_of(kind: Kind, person: usize) -> String {
    match kind {
        Kind::S => NAMES[person].to_owned(),
        Kind::N => NUMBERS[person].to_owned(),
        Kind::B => STANDARD.encode(BYTES[person]),
    }
}

/// An attribute's value.
pub(crate) fn attribute(kind: Kind, text: &str) -> Value {
    match kind {
        Kind::S => json!({ "S": text }),
        Kind::N => json!({ "N": text }),
        Kind::B => json!({ "B": text }),
    }
}
