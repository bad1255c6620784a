use super::*;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use std::net::SocketAddr;
use std::time::SystemTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const KEY: &str = "AKIDDEMO";
const SECRET: &str = "a secret of the demo's own";

struct Served {
    _folder: tempfile::TempDir,
    address: SocketAddr,
}

impl Served {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let s3 = S3::open(folder.path(), KEY, SECRET).unwrap();
        s3.seed("demo", &[("public/hello.txt", "hello"), ("a+b", "plus"), ("c/50%", "")]).unwrap();
        s3.seed("other", &[("private", "not yours")]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(s3.serve(listener));
        Self { _folder: folder, address }
    }

    async fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let signed = signature(SECRET, self.address, method, target, headers, "");
        self.raw(method, target, headers, &signed, "").await
    }

    async fn put(&self, target: &str, body: &str) -> (u16, String) {
        let signed = signature(SECRET, self.address, "PUT", target, &[], body);
        self.raw("PUT", target, &[], &signed, body).await
    }

    /// Status and body.
    async fn raw(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        signed: &[(String, String)],
        body: &str,
    ) -> (u16, String) {
        let mut request = format!("{method} {target} HTTP/1.1\r\nhost: {}\r\n", self.address);
        let signed = signed.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in headers.iter().copied().chain(signed) {
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.get(9..12).unwrap().parse().unwrap(), body.to_owned())
    }
}

/// The headers that sign a request as S3 wants it.
fn signature(
    secret: &str,
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Vec<(String, String)> {
    let identity = Credentials::from_keys(KEY, secret, None).into();
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("s3")
        .time(
            SystemTime::UNIX_EPOCH
                + Duration::from_millis(crate::clock::now().millis().try_into().unwrap()),
        )
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let uri = format!("http://{address}{target}");
    let body = SignableBody::Bytes(body.as_bytes());
    let request = SignableRequest::new(method, uri, headers.iter().copied(), body).unwrap();
    let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
    instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[tokio::test]
async fn only_its_own_key_opens_it() {
    let s3 = Served::new().await;
    assert_eq!(s3.ask("GET", "/demo/public/hello.txt", &[]).await, (200, "hello".to_owned()));
    let target = "/demo/public/hello.txt";
    let (status, body) = s3.raw("GET", target, &[], &[], "").await;
    assert_eq!(status, 403, "{body}");
    let forged = signature("another secret", s3.address, "GET", target, &[], "");
    let (status, body) = s3.raw("GET", target, &[], &forged, "").await;
    assert_eq!(status, 403);
    assert!(body.contains("SignatureDoesNotMatch"), "{body}");
}

#[tokio::test]
async fn keys_that_resolve_to_others_name_nothing() {
    let s3 = Served::new().await;
    for key in ["../other/private", "a/../a+b", "./a+b", "/a+b", "a//b", "x%00"] {
        for method in ["GET", "PUT", "DELETE"] {
            let (status, body) = s3.ask(method, &format!("/demo/{key}"), &[]).await;
            assert_eq!(status, 400, "{method} {key}: {body}");
        }
        let source = format!("demo/{key}");
        let (status, body) = s3.ask("PUT", "/demo/copy", &[("x-amz-copy-source", &source)]).await;
        assert_eq!(status, 400, "copy of {key}: {body}");
    }
    assert_eq!(s3.ask("GET", "/other/private", &[]).await, (200, "not yours".to_owned()));
}

#[tokio::test]
async fn listings_are_encoded_where_asked() {
    let s3 = Served::new().await;
    let (_, plain) = s3.ask("GET", "/demo?list-type=2", &[]).await;
    assert!(plain.contains("<Key>a+b</Key>") && plain.contains("<Key>c/50%</Key>"), "{plain}");
    for version in ["", "&list-type=2"] {
        let (_, list) = s3.ask("GET", &format!("/demo?encoding-type=url{version}"), &[]).await;
        assert!(list.contains("<Key>a%2Bb</Key>") && list.contains("<Key>c/50%25</Key>"), "{list}");
    }
    let (status, _) = s3.ask("GET", "/demo?delimiter=%C3%A9", &[]).await;
    assert_eq!(status, 501);
}

#[tokio::test]
async fn what_is_no_object_is_not_found() {
    let s3 = Served::new().await;
    for target in ["/demo/nothing", "/demo/public", "/demo/public/", "/nowhere/x"] {
        assert_eq!(s3.ask("GET", target, &[]).await.0, 404, "{target}");
        assert_eq!(s3.ask("HEAD", target, &[]).await.0, 404, "{target}");
    }
    let (status, body) = s3.put("/nowhere/x", "lost").await;
    assert_eq!(status, 404);
    assert!(body.contains("<Message>The specified bucket does not exist</Message>"), "{body}");
    let (_, body) = s3.ask("GET", "/demo/nothing", &[]).await;
    assert!(body.contains("<Message>The specified key does not exist.</Message>"), "{body}");
    let upload = "/demo/x?uploadId=00000000-0000-4000-8000-000000000000";
    let (status, body) = s3.ask("GET", upload, &[]).await;
    assert_eq!(status, 404);
    assert!(body.contains("NoSuchUpload"), "{body}");
}

#[tokio::test]
async fn reads_obey_conditions_on_the_tag() {
    let s3 = Served::new().await;
    assert_eq!(s3.put("/demo/new", "one").await.0, 200);
    let (tag, target) = ("\"f97c5d29941bfb1b2fdab0874906ab82\"", "/demo/new");
    for (name, value, status) in [
        ("if-match", tag, 200),
        ("if-match", "\"other\"", 412),
        ("if-none-match", tag, 304),
        ("if-none-match", "*", 304),
        ("if-none-match", "\"other\"", 200),
    ] {
        for method in ["GET", "HEAD"] {
            let (found, body) = s3.ask(method, target, &[(name, value)]).await;
            assert_eq!(found, status, "{method} {name}: {value}: {body}");
        }
    }
}

#[tokio::test]
async fn a_bucket_is_seeded_once() {
    let folder = tempfile::tempdir().unwrap();
    let s3 = S3::open(folder.path(), KEY, SECRET).unwrap();
    s3.seed("demo", &[("a/b", "first")]).unwrap();
    fs::remove_file(folder.path().join("demo/a/b")).unwrap();
    s3.seed("demo", &[("a/b", "again")]).unwrap();
    assert!(!folder.path().join("demo/a/b").exists());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_is_given_up() {
    let s3 = Served::new().await;
    let target = "/demo/slow";
    let signed = signature(SECRET, s3.address, "PUT", target, &[], "half");
    let mut request = format!("PUT {target} HTTP/1.1\r\nhost: {}\r\n", s3.address);
    for (name, value) in &signed {
        request += &format!("{name}: {value}\r\n");
    }
    request += "content-length: 4\r\n\r\nha";
    let mut stream = TcpStream::connect(s3.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(s3.ask("GET", target, &[]).await.0, 404);
}
