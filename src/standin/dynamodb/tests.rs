use super::*;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn served(folder: &Path) -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let tables = DynamoDb::open(folder).unwrap();
    tables.seed("demo", &[("nobody", "1", "not yours")]).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (address, tokio::spawn(tables.serve(listener)))
}

/// Status and body of a call.
async fn ask(address: SocketAddr, operation: &str, body: &str) -> (u16, String) {
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nx-amz-target: DynamoDB_20120810.{operation}\r\n\
         content-type: application/x-amz-json-1.0\r\nx-amz-date: 20260101T000000Z\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/dynamodb/aws4_request, \
         SignedHeaders=host, Signature=00\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.get(9..12).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

fn rows(answer: &(u16, String)) -> Vec<String> {
    let answer: Value = serde_json::from_str(&answer.1).unwrap();
    let items = answer["Items"].as_array().unwrap();
    items.iter().map(|item| item["sk"]["S"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn rows_are_kept_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (address, serving) = served(folder.path()).await;
    let item = r#"{"TableName":"demo","Item":{"pk":{"S":"bob"},"sk":{"S":"1"}}}"#;
    assert_eq!(ask(address, "PutItem", item).await.0, 200);
    let put = r#"{"TransactItems":[{"Put":{"TableName":"demo","Item":{"pk":{"S":"bob"},"sk":{"S":"2"}}}}]}"#;
    assert_eq!(ask(address, "TransactWriteItems", put).await.0, 200);
    let select = r#"{"Statement":"SELECT * FROM demo WHERE pk='bob'"}"#;
    assert_eq!(rows(&ask(address, "ExecuteStatement", select).await), ["1", "2"]);
    serving.abort();
    let _ = serving.await;

    // Seeded already: what is there stays as it is.
    let (address, _serving) = served(folder.path()).await;
    let query = r#"{"TableName":"demo","KeyConditionExpression":"pk = :p",
        "ExpressionAttributeValues":{":p":{"S":"bob"}}}"#;
    assert_eq!(rows(&ask(address, "Query", query).await), ["1", "2"]);
    assert_eq!(rows(&ask(address, "Scan", r#"{"TableName":"demo"}"#).await).len(), 3);
}

#[tokio::test]
async fn a_transaction_is_done_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _serving) = served(folder.path()).await;
    let transaction = r#"{"TransactItems":[
        {"Put":{"TableName":"demo","Item":{"pk":{"S":"bob"},"sk":{"S":"1"}}}},
        {"ConditionCheck":{"TableName":"demo","Key":{"pk":{"S":"nobody"},"sk":{"S":"2"}},
            "ConditionExpression":"attribute_exists(pk)"}}]}"#;
    let (status, body) = ask(address, "TransactWriteItems", transaction).await;
    assert_eq!(status, 400);
    assert!(body.contains("TransactionCanceledException"), "{body}");
    let get = r#"{"TableName":"demo","Key":{"pk":{"S":"bob"},"sk":{"S":"1"}}}"#;
    assert_eq!(ask(address, "GetItem", get).await, (200, "{}".to_owned()));
}

#[tokio::test]
async fn a_table_is_seeded_once() {
    let folder = tempfile::tempdir().unwrap();
    let (address, serving) = served(folder.path()).await;
    let delete = r#"{"TableName":"demo","Key":{"pk":{"S":"nobody"},"sk":{"S":"1"}}}"#;
    assert_eq!(ask(address, "DeleteItem", delete).await.0, 200);
    serving.abort();
    let _ = serving.await;

    let (address, _serving) = served(folder.path()).await;
    assert!(rows(&ask(address, "Scan", r#"{"TableName":"demo"}"#).await).is_empty());
    let (_, table) = ask(address, "DescribeTable", r#"{"TableName":"demo"}"#).await;
    let table: Value = serde_json::from_str(&table).unwrap();
    assert_eq!(
        table["Table"]["KeySchema"],
        json!([{ "AttributeName": "pk", "KeyType": "HASH" }, { "AttributeName": "sk", "KeyType": "RANGE" }])
    );
    assert_eq!(table["Table"]["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
}

#[tokio::test]
async fn what_it_cant_read_ends_a_request_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _serving) = served(folder.path()).await;
    let deep =
        |open: &str, end: &str, count| format!("{}{}", open.repeat(count), end.repeat(count));
    let list = deep(r#"{"L":["#, "]}", 100_000);
    let list = format!(r#"{{"TableName":"demo","Item":{{"pk":{list},"sk":{{"S":"1"}}}}}}"#);
    // As deep as an expression's 4 KB and a statement's 8 KB go.
    let scan = |filter: &str| {
        let values = r#""ExpressionAttributeValues":{":p":{"S":""}}"#;
        format!(r#"{{"TableName":"demo","FilterExpression":"{filter}",{values}}}"#)
    };
    let brackets = format!("{}pk=:p{}", "(".repeat(2045), ")".repeat(2045));
    let nots = format!("{}pk=:p", "NOT ".repeat(1000));
    let select = |filter: String| format!(r#"{{"Statement":"SELECT * FROM demo WHERE {filter}"}}"#);
    let statement = format!("{}pk='a'{}", "(".repeat(4000), ")".repeat(4000));
    for (operation, body) in [
        ("GetItem", "{".to_owned()),
        ("GetItem", "{}".to_owned()),
        ("GetItem", "[]".to_owned()),
        ("NoSuch", "{}".to_owned()),
        ("PutItem", list),
        ("Scan", scan("(")),
        ("ExecuteStatement", r#"{"Statement":"'"}"#.to_owned()),
        ("ExecuteStatement", select(statement)),
    ] {
        let (status, answer) = ask(address, operation, &body).await;
        assert_eq!(status, 400, "{operation} {body:.100}: {answer}");
    }
    // Read or refused, but answered.
    for filter in [brackets, nots] {
        let status = ask(address, "Scan", &scan(&filter)).await.0;
        assert!([200, 400].contains(&status), "{filter:.100}: {status}");
    }
    for raw in [
        "\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(raw.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    assert_eq!(
        ask(address, "ListTables", "{}").await,
        (200, r#"{"TableNames":["demo"]}"#.to_owned())
    );
}

#[tokio::test]
async fn connections_are_closed_once_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let (address, serving) = served(folder.path()).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{").await.unwrap();
    // Later connections than these have been served: these are under way.
    assert_eq!(ask(address, "ListTables", "{}").await.0, 200);
    serving.abort();
    let _ = serving.await;
    for stream in [&mut idle, &mut half] {
        let mut rest = Vec::new();
        let closed = stream.read_to_end(&mut rest);
        let _ = tokio::time::timeout(Duration::from_secs(10), closed).await.unwrap();
    }
    for _ in 0..100 {
        if TcpStream::connect(address).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it still takes connections");
}

#[test]
fn a_file_that_is_none_of_its_own_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("tables.sqlite"),
        "not a database, but long enough to be read as one",
    )
    .unwrap();
    let error = DynamoDb::open(folder.path()).err().unwrap();
    assert_eq!(error.reason(), "standin_io");
    assert!(error.to_string().contains("tables.sqlite"), "{error}");
}
