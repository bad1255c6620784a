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

#[tokio::test(flavor = "multi_thread")]
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

#[tokio::test(flavor = "multi_thread")]
async fn what_it_cant_read_ends_a_request_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _serving) = served(folder.path()).await;
    for (operation, body) in [
        ("GetItem", "{"),
        ("GetItem", "{}"),
        ("NoSuch", "{}"),
        ("ExecuteStatement", r#"{"Statement":"'"}"#),
    ] {
        assert_eq!(ask(address, operation, body).await.0, 400, "{operation} {body}");
    }
    assert_eq!(
        ask(address, "ListTables", "{}").await,
        (200, r#"{"TableNames":["demo"]}"#.to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_connection_is_taken_once_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let (address, serving) = served(folder.path()).await;
    assert_eq!(ask(address, "ListTables", "{}").await.0, 200);
    serving.abort();
    let _ = serving.await;
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
