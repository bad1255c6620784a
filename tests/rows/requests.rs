//! Requests of every operation on rows, but for those with statements.

use serde_json::{Map, Value, json};

use super::{
    cases::Maker,
    expressions::Placeholders,
    world::{Kind, TABLES, Table},
};

impl Maker<'_> {
    pub(super) fn get(&mut self) -> Value {
        let mut body = self.get_entry();
        self.reading(&mut body);
        self.capacity(&mut body);
        body
    }

    pub(super) fn get_entry(&mut self) -> Value {
        let (table, person) = (self.table(), self.someone());
        let mut body = json!({ "TableName": self.named(table), "Key": self.key(table, person) });
        let mut placeholders = Placeholders::default();
        let legacy = self.random.chance(25);
        self.project(table, legacy, &mut body, &mut placeholders);
        placeholders.add_to(&mut body);
        body
    }

    pub(super) fn put(&mut self) -> Value {
        let mut body = self.write_entry("Put");
        self.returning(&mut body, &["NONE", "ALL_OLD"]);
        self.capacity(&mut body);
        body
    }

    pub(super) fn update(&mut self) -> Value {
        let legacy = self.random.chance(20);
        let mut body = match legacy {
            false => self.write_entry("Update"),
            true => {
                let (table, person) = (self.table(), self.someone());
                let mut body =
                    json!({ "TableName": self.named(table), "Key": self.key(table, person) });
                body["AttributeUpdates"] =
                    json!({ "note": { "Action": "PUT", "Value": self.text() } });
                if self.random.chance(50) {
                    body["Expected"] = json!({ "note": { "Value": self.text() } });
                }
                body
            }
        };
        let returns = ["NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"];
        self.returning(&mut body, &returns);
        self.capacity(&mut body);
        body
    }

    pub(super) fn delete(&mut self) -> Value {
        let mut body = self.write_entry("Delete");
        if body.get("ConditionExpression").is_none() && self.random.chance(20) {
            body["Expected"] = json!({ "kind": { "Exists": false } });
        }
        self.returning(&mut body, &["NONE", "ALL_OLD"]);
        self.capacity(&mut body);
        body
    }

    pub(super) fn returning(&mut self, body: &mut Value, of: &[&str]) {
        if self.random.chance(40) {
            body["ReturnValues"] = json!(self.random.pick(of));
        }
    }

    pub(super) fn write_entry(&mut self, kind: &str) -> Value {
        let (table, person) = (self.table(), self.someone());
        let mut body = json!({ "TableName": self.named(table) });
        let mut placeholders = Placeholders::default();
        match kind {
            "Put" => body["Item"] = self.item(table, person).into(),
            _ => body["Key"] = self.key(table, person).into(),
        }
        if kind == "Update" {
            body["UpdateExpression"] = self.updates(table, &mut placeholders).into();
        }
        if kind == "ConditionCheck" || self.random.chance(25) {
            body["ConditionExpression"] = self.condition(table, &mut placeholders).into();
            if self.random.chance(50) {
                body["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
            }
        }
        placeholders.add_to(&mut body);
        body
    }

    pub(super) fn query(&mut self, index: bool) -> Value {
        let mut table = self.table();
        while index && table.indexes.is_empty() {
            table = self.table();
        }
        let index = index.then(|| *self.random.pick(table.indexes));
        let person = self.someone();
        let mut body = json!({ "TableName": self.named(table) });
        if let Some((name, _)) = index {
            body["IndexName"] = json!(name);
        }
        let mut placeholders = Placeholders::default();
        let sort = match index {
            Some((_, "at")) => Some(("at", Kind::N)),
            Some((_, name)) => Some((name, Kind::S)),
            None => table.sort,
        };
        let mut legacy = self.random.chance(20);
        if legacy {
            body["KeyConditions"] = self.key_conditions(table, sort, person);
            if self.random.chance(30) {
                body["QueryFilter"] = json!({ "kind": { "ComparisonOperator": "NE", "AttributeValueList": [self.text()] } });
            }
        } else {
            let condition = self.key_condition(table, sort, person, &mut placeholders);
            body["KeyConditionExpression"] = json!(condition);
            if self.random.chance(30) {
                let filter = self.condition(table, &mut placeholders);
                body["FilterExpression"] = json!(filter);
            }
        }
        match self.random.below(8) {
            0 => body["Select"] = json!("COUNT"),
            1 => body["Select"] = json!("ALL_ATTRIBUTES"),
            2 | 3 => {
                // Both forms at once are refused by DynamoDB, but not by every backend.
                legacy ^= self.random.chance(5);
                self.project(table, legacy, &mut body, &mut placeholders);
            }
            _ => {}
        }
        if self.random.chance(20) {
            body["Limit"] = json!(self.random.some(5));
        }
        if self.random.chance(20) {
            body["ScanIndexForward"] = json!(self.random.chance(50));
        }
        if self.random.chance(15) {
            let person = self.someone();
            let mut start = self.key(table, person);
            if let Some((_, name)) = index {
                let value = if name == "at" { self.small() } else { self.text() };
                start.insert(name.to_owned(), value);
            }
            body["ExclusiveStartKey"] = start.into();
        }
        if index.is_none() {
            self.reading(&mut body);
        }
        self.capacity(&mut body);
        placeholders.add_to(&mut body);
        body
    }

    /// Different tables.
    pub(super) fn tables(&mut self) -> Vec<&'static Table> {
        let mut tables: Vec<&Table> = TABLES.iter().collect();
        self.random.shuffle(&mut tables);
        tables.truncate(self.random.some(3));
        tables
    }

    pub(super) fn batch_get(&mut self) -> Value {
        let legacy = self.random.chance(25);
        let mut items = Map::new();
        for table in self.tables() {
            let mut asked = json!({ "Keys": [] });
            asked["Keys"] = self.keys(table).into();
            let mut placeholders = Placeholders::default();
            self.project(table, legacy, &mut asked, &mut placeholders);
            placeholders.add_to(&mut asked);
            self.reading(&mut asked);
            items.insert(self.named(table), asked);
        }
        let mut body = json!({ "RequestItems": items });
        self.capacity(&mut body);
        body
    }

    pub(super) fn batch_write(&mut self) -> Value {
        let mut items = Map::new();
        for table in self.tables() {
            let keys = self.keys(table).into_iter();
            let writes: Vec<Value> = keys
                .map(|key| match self.random.chance(60) {
                    true => json!({ "PutRequest": { "Item": self.item_of(key) } }),
                    false => json!({ "DeleteRequest": { "Key": key } }),
                })
                .collect();
            items.insert(self.named(table), writes.into());
        }
        let mut body = json!({ "RequestItems": items });
        self.capacity(&mut body);
        body
    }

    pub(super) fn transact_get(&mut self) -> Value {
        let entries: Vec<Value> =
            (0..self.random.some(4)).map(|_| json!({ "Get": self.get_entry() })).collect();
        let mut body = json!({ "TransactItems": entries });
        self.capacity(&mut body);
        body
    }

    pub(super) fn transact_write(&mut self) -> Value {
        let entries: Vec<Value> = (0..self.random.some(3))
            .map(|_| {
                let kind = self.random.word(&["Put", "Update", "Delete", "ConditionCheck"]);
                json!({ kind: self.write_entry(kind) })
            })
            .collect();
        let mut body = json!({ "TransactItems": entries });
        self.token(&mut body);
        self.capacity(&mut body);
        body
    }

    /// The token of a request that may be another's, too.
    pub(super) fn token(&mut self, body: &mut Value) {
        if self.random.chance(15) {
            body["ClientRequestToken"] = json!(format!("token-{}", self.random.below(50)));
        }
    }

    pub(super) fn reading(&mut self, body: &mut Value) {
        if self.random.chance(20) {
            body["ConsistentRead"] = json!(self.random.chance(50));
        }
    }

    pub(super) fn capacity(&mut self, body: &mut Value) {
        if self.random.chance(20) {
            body["ReturnConsumedCapacity"] = json!(self.random.pick(&["TOTAL", "INDEXES", "NONE"]));
        }
    }

    /// A request that no policy allows.
    pub(super) fn forbidden(&mut self) -> (&'static str, Value) {
        self.others = true;
        let table = self.table();
        let name = self.named(table);
        let person = self.person;
        match self.random.below(10) {
            0 => ("Scan", json!({ "TableName": name })),
            1 => (
                "Scan",
                json!({ "TableName": name, "ScanFilter": { table.owner.0: {
                "ComparisonOperator": "EQ", "AttributeValueList": [self.owner(table, person)] } } }),
            ),
            2 => (
                "Query",
                json!({ "TableName": "things", "IndexName": "by-kind",
                "KeyConditionExpression": "kind = :k",
                "ExpressionAttributeValues": { ":k": { "S": "red" } } }),
            ),
            3 => ("DeleteTable", json!({ "TableName": name })),
            4 => ("UpdateTable", json!({ "TableName": name, "BillingMode": "PAY_PER_REQUEST" })),
            5 => (
                "UpdateTimeToLive",
                json!({ "TableName": name,
                "TimeToLiveSpecification": { "AttributeName": "at", "Enabled": true } }),
            ),
            6 => (
                "ExecuteStatement",
                json!({ "Statement": format!("SELECT * FROM \"{}\"", table.name) }),
            ),
            7 => (
                "ExecuteStatement",
                json!({ "Statement": "SELECT * FROM \"things\".\"by-kind\" WHERE kind = 'red'" }),
            ),
            8 => (
                "SearchVectors",
                json!({ "TableName": name, "IndexName": "by-owner", "SearchVector": [1.0], "TopK": 9 }),
            ),
            _ => ("DescribeTable", json!({ "TableName": name })),
        }
    }
}
