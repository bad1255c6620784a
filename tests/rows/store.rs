//! The tables behind the gate, and a way to look at them directly.

use std::{net::SocketAddr, thread};

use poolgate::standin::DynamoDb;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::world::{Kind, TABLES, Table};
use crate::support::Wire;

/// Tables in this process, on a port of their own.
pub(crate) struct Store {
    pub(crate) address: SocketAddr,
    wire: Wire,
    _folder: TempDir,
}

impl Store {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let (sender, receiver) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                DynamoDb::open(&path).unwrap().serve(listener).await;
            });
        });
        let address = receiver.recv().unwrap();
        Self { address, wire: Wire::connect(address), _folder: folder }
    }

    /// Makes the tables. All have the index `by-kind` besides theirs, which nobody may read.
    pub(crate) fn create(&mut self) {
        for table in &TABLES {
            let mut attributes = vec![("kind", Kind::S), table.owner];
            attributes.extend(table.sort);
            let hash_and_range = |hash: &str, range: Option<&str>| {
                let mut key = vec![json!({ "AttributeName": hash, "KeyType": "HASH" })];
                key.extend(range.map(|name| json!({ "AttributeName": name, "KeyType": "RANGE" })));
                key
            };
            let all = json!({ "ProjectionType": "ALL" });
            let (owner, sort) = (table.owner.0, table.sort.map(|(name, _)| name));
            let mut body = json!({
                "TableName": table.name,
                "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": hash_and_range(owner, sort),
            });
            let mut global = vec![json!({
                "IndexName": "by-kind", "KeySchema": hash_and_range("kind", None), "Projection": all,
            })];
            for (name, sort) in table.indexes {
                let index = json!({
                    "IndexName": name, "KeySchema": hash_and_range(owner, Some(sort)), "Projection": all,
                });
                match *sort {
                    "note" => {
                        attributes.push((sort, Kind::S));
                        body["LocalSecondaryIndexes"] = json!([index]);
                    }
                    _ => {
                        attributes.push((sort, Kind::N));
                        global.push(index);
                    }
                }
            }
            body["GlobalSecondaryIndexes"] = global.into();
            let definition = |(name, kind): &(&str, Kind)| json!({ "AttributeName": name, "AttributeType": format!("{kind:?}") });
            body["AttributeDefinitions"] = attributes.iter().map(definition).collect();
            self.ask("CreateTable", &body);
        }
    }

    pub(crate) fn put(&mut self, table: &Table, row: &Value) {
        self.ask("PutItem", &json!({ "TableName": table.name, "Item": row }));
    }

    /// Deletes the row with the key of `row`.
    pub(crate) fn delete(&mut self, name: &str, row: &Value) {
        let table = table(name);
        let names = [Some(table.owner.0), table.sort.map(|(name, _)| name)];
        let key = names.into_iter().flatten().map(|name| (name.to_owned(), row[name].clone()));
        let key: serde_json::Map<String, Value> = key.collect();
        self.ask("DeleteItem", &json!({ "TableName": name, "Key": key }));
    }

    /// All rows of a table.
    pub(crate) fn rows(&mut self, table: &Table) -> Vec<Value> {
        let answer = self.ask("Scan", &json!({ "TableName": table.name }));
        assert!(answer.get("LastEvaluatedKey").is_none(), "there are too many rows");
        answer["Items"].as_array().unwrap().clone()
    }

    fn ask(&mut self, operation: &str, body: &Value) -> Value {
        let body = body.to_string();
        let answer = self.wire.ask(format!(
            "POST / HTTP/1.1\r\nhost: tables\r\nx-amz-target: DynamoDB_20120810.{operation}\r\n\
             content-type: application/x-amz-json-1.0\r\nx-amz-date: 20260101T000000Z\r\n\
             authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, \
             SignedHeaders=host, Signature=00\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ));
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200, "{operation} {body}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

/// The table of this name.
pub(crate) fn table(name: &str) -> &'static Table {
    TABLES.iter().find(|table| table.name == name).unwrap()
}
