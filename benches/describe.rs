//! What describing a request costs: of an API and of S3, from the head as it came to what IAM is asked. DynamoDB has a
//! bench of its own.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method};
use poolgate::http::RawTarget;
use poolgate::services::{
    Body, Checks, Request,
    execute_api::{self, Api},
    s3::{Asked, Parsed, RequestFacts},
};

const OBJECT: &str = "/demo/home/us-east-1%3A0a0b0c0d-0000-4000-8000-000000000001/a%20report.pdf";

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "gate.example"),
        ("user-agent", "aws-sdk-rust/1.3.7 os/linux lang/rust/1.95.0"),
        ("accept", "*/*"),
        ("x-amz-date", "20270115T080000Z"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

fn facts() -> RequestFacts {
    RequestFacts {
        auth_type: Some("REST-HEADER"),
        partition: "aws",
        account: Some("123456789012".to_owned()),
        secure: true,
        ..RequestFacts::default()
    }
}

fn s3(method: &Method, path: &str, query: Option<&str>, headers: HeaderMap) -> usize {
    let asked = Asked { method, path, query, headers: &headers, bucket: None };
    let parsed = Parsed::of(asked).expect("an operation");
    let operation = parsed.describe(headers, Body::whole(Bytes::new()), &facts());
    match operation.expect("described").checks {
        Checks::All(checks) => checks.len(),
        _ => 0,
    }
}

fn api(api: &Api, headers: HeaderMap) -> usize {
    let target = RawTarget::parse("/api/orders/1?q=1").expect("a target").strict().expect("strict");
    let request = Request { method: Method::GET, target, headers, body: Body::whole(Bytes::new()) };
    match execute_api::describe(api, request).expect("described").checks {
        Checks::All(checks) => checks.len(),
        _ => 0,
    }
}

fn bench(criterion: &mut Criterion) {
    let gateway = Api::gateway("aws", "eu-west-1", "123456789012", "shop", "prod");
    criterion.bench_function("describe/api", |bencher| {
        let run = |headers| api(black_box(&gateway), headers);
        bencher.iter_batched(headers, run, BatchSize::SmallInput);
    });
    for (name, method, query) in [
        ("GetObject", Method::GET, None),
        ("UploadPart", Method::PUT, Some("partNumber=1&uploadId=VXBsb2FkIElE")),
    ] {
        assert_eq!(s3(&method, OBJECT, query, headers()), 1);
        criterion.bench_function(&format!("describe/s3/{name}"), |bencher| {
            let run = |headers| s3(&method, black_box(OBJECT), query, headers);
            bencher.iter_batched(headers, run, BatchSize::SmallInput);
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
