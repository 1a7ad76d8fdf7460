//! The engine over a bucket: a small service in this process that speaks as much S3 as is needed, and is as strict
//! as S3 about parts of 5 MiB.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::TcpListener;

use super::super::settings::S3Settings;
use super::*;

/// The least that S3 takes as a part, the last one apart.
const LEAST_PART: usize = 5 * 1024 * 1024;

/// What lies in the bucket: whole objects, and unfinished ones by part.
#[derive(Default)]
struct Bucket {
    objects: BTreeMap<String, Bytes>,
    unfinished: BTreeMap<String, BTreeMap<u32, Bytes>>,
    begun: u32,
    /// Every part from here on is refused.
    broken: bool,
}

impl Bucket {
    fn answer(&mut self, request: &Request<()>, body: Bytes) -> Response<Full<Bytes>> {
        let key = request
            .uri()
            .path()
            .trim_start_matches("/box")
            .trim_start_matches('/')
            .to_owned();
        let query: BTreeMap<_, _> = request
            .uri()
            .query()
            .unwrap_or_default()
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect();
        let signed = request.headers().get("authorization").is_some_and(|value| {
            value
                .to_str()
                .unwrap()
                .starts_with("AWS4-HMAC-SHA256 Credential=sendhub-gateway/")
        });
        if !signed {
            return plain(StatusCode::FORBIDDEN, "");
        }
        match (request.method(), query.get("uploadId")) {
            (&Method::POST, None) if query.contains_key("uploads") => {
                self.begun += 1;
                self.unfinished.insert(self.begun.to_string(), BTreeMap::new());
                let id = self.begun;
                plain(
                    StatusCode::OK,
                    &format!(
                        "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                    ),
                )
            }
            (&Method::PUT, Some(_)) if self.broken => plain(StatusCode::FORBIDDEN, ""),
            (&Method::PUT, Some(&upload)) => {
                let number = query["partNumber"].parse().unwrap();
                self.unfinished.get_mut(upload).unwrap().insert(number, body);
                plain(StatusCode::OK, "")
            }
            (&Method::POST, Some(&upload)) => {
                let parts: Vec<_> = self.unfinished.remove(upload).unwrap().into_values().collect();
                let (_, all_but_last) = parts.split_last().unwrap();
                if all_but_last.iter().any(|part| part.len() < LEAST_PART) {
                    return plain(
                        StatusCode::BAD_REQUEST,
                        "<Error><Code>EntityTooSmall</Code></Error>",
                    );
                }
                self.objects.insert(key, parts.concat().into());
                plain(
                    StatusCode::OK,
                    "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>",
                )
            }
            (&Method::DELETE, Some(&upload)) => {
                self.unfinished.remove(upload);
                plain(StatusCode::NO_CONTENT, "")
            }
            (&Method::PUT, None) => {
                self.objects.insert(key, body);
                plain(StatusCode::OK, "")
            }
            (&Method::POST, None) if query.contains_key("delete") => {
                let text = String::from_utf8(body.to_vec()).unwrap();
                let key = text.split("<Key>").nth(1).unwrap().split('<').next().unwrap();
                self.objects.remove(key);
                plain(
                    StatusCode::OK,
                    &format!("<DeleteResult><Deleted><Key>{key}</Key></Deleted></DeleteResult>"),
                )
            }
            (&Method::GET, None) if query.contains_key("list-type") => {
                let one = |(key, bytes): (&String, &Bytes)| {
                    let size = bytes.len();
                    format!(
                        "<Contents><Key>{key}</Key><Size>{size}</Size>\
                         <LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>\"e\"</ETag></Contents>"
                    )
                };
                let all: String = self.objects.iter().map(one).collect();
                plain(
                    StatusCode::OK,
                    &format!("<ListBucketResult>{all}</ListBucketResult>"),
                )
            }
            (&Method::HEAD | &Method::GET, None) => match self.objects.get(&key) {
                Some(bytes) => object(request, bytes),
                None => plain(StatusCode::NOT_FOUND, ""),
            },
            _ => plain(StatusCode::NOT_IMPLEMENTED, ""),
        }
    }
}

fn plain(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_owned()));
    *response.status_mut() = status;
    response.headers_mut().insert("etag", "\"e\"".parse().unwrap());
    response
}

fn object(request: &Request<()>, bytes: &Bytes) -> Response<Full<Bytes>> {
    let modified = "Thu, 01 Jan 2026 00:00:00 GMT";
    let response = Response::builder()
        .header("etag", "\"e\"")
        .header("last-modified", modified);
    let range = request.headers().get("range").map(|value| {
        let (from, to) = value
            .to_str()
            .unwrap()
            .trim_start_matches("bytes=")
            .split_once('-')
            .unwrap();
        (from.parse::<usize>().unwrap(), to.parse::<usize>().unwrap())
    });
    let response = match (request.method(), range) {
        (&Method::HEAD, _) => response
            .header("content-length", bytes.len())
            .body(Full::default()),
        (_, Some((from, to))) => response
            .status(StatusCode::PARTIAL_CONTENT)
            .header("content-range", format!("bytes {from}-{to}/{}", bytes.len()))
            .body(Full::from(bytes.slice(from..=to))),
        (_, None) => response.body(Full::from(bytes.clone())),
    };
    response.unwrap()
}

type Shared = Arc<Mutex<Bucket>>;

/// Serves a bucket named `box` and opens a vault on it.
async fn vault() -> (Vault, Shared) {
    let bucket = Shared::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = bucket.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let served = served.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let served = served.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.map(|all| all.to_bytes()).unwrap_or_default();
                    let mut bucket = served.lock().unwrap_or_else(PoisonError::into_inner);
                    Ok::<_, Infallible>(bucket.answer(&Request::from_parts(parts, ()), body))
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    let vault = Vault::open(&AttachmentSettings {
        folder: None,
        s3: Some(S3Settings {
            bucket: "box".into(),
            endpoint: Some(format!("http://{address}")),
            region: "eu-west-2".into(),
            // Variables that are set wherever tests run: a test may not set any itself.
            access_key_env: "CARGO_PKG_NAME".into(),
            secret_key_env: "CARGO_PKG_VERSION".into(),
            allow_http: true,
        }),
        ..AttachmentSettings::default()
    })
    .unwrap();
    (vault, bucket)
}

fn count(bucket: &Shared) -> (usize, usize) {
    let bucket = bucket.lock().unwrap();
    (bucket.objects.len(), bucket.unfinished.len())
}

#[tokio::test]
async fn a_bucket_takes_gives_and_is_swept_like_a_folder() {
    let _shared = QUIET.read().await;
    let (vault, bucket) = vault().await;
    let keyring = keyring();
    // Small ones go in one piece; the others in parts that S3 finds large enough.
    for (id, size) in [(1, 9), (2, 5 * MIB), (3, 5 * MIB + 1), (4, 12 * MIB + 3)] {
        let stored = store(&vault, &keyring, id, size).await;
        let download = vault.download(&stored, &keyring).await.unwrap();
        let whole: Vec<_> = download.into_stream(CHUNK).try_collect().await.unwrap();
        assert!(
            whole.concat() == content(0, usize::try_from(size).unwrap()),
            "{size} bytes"
        );
    }
    assert_eq!(count(&bucket), (4, 0));

    let young: Timestamp = "2025-12-31T00:00:00Z".parse().unwrap();
    let old: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
    let first = format!("{}.sealed", name(1));
    assert_eq!(vault.sweep(young, |_| false).await.unwrap(), 0);
    assert_eq!(vault.sweep(old, |place| place == first).await.unwrap(), 3);
    assert_eq!(count(&bucket), (1, 0));
    vault.remove(&first).await.unwrap();
    assert_eq!(count(&bucket), (0, 0));
}

#[tokio::test]
async fn what_is_cut_or_fails_on_its_way_to_a_bucket_leaves_nothing() {
    let _shared = QUIET.read().await;
    let (vault, bucket) = vault().await;
    let keyring = keyring();
    let size = 12 * MIB;
    let header = declared(size);
    let begun = |sent: u64| {
        let mut upload = vault.begin(name(1), &header, &keyring).unwrap();
        async move {
            for chunk in chunks(sent) {
                upload = upload.write(&chunk).await?;
            }
            Ok::<_, AttachmentError>(upload)
        }
    };
    let upload = begun(7 * MIB).await.unwrap();
    assert_eq!(count(&bucket), (0, 1));
    assert!(matches!(
        upload.finish().await,
        Err(AttachmentError::Truncated { .. })
    ));
    assert_eq!(count(&bucket), (0, 0), "told too little");

    drop(begun(7 * MIB).await.unwrap());
    for _ in 0..500 {
        if count(&bucket) == (0, 0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(count(&bucket), (0, 0), "cut");

    bucket.lock().unwrap().broken = true;
    assert!(matches!(begun(size).await, Err(AttachmentError::Store(_))));
    assert_eq!(count(&bucket), (0, 0), "the bucket failed");
}

#[test]
fn a_bucket_needs_its_secrets() {
    let settings = AttachmentSettings {
        s3: Some(S3Settings {
            bucket: "box".into(),
            endpoint: None,
            region: "eu-west-2".into(),
            access_key_env: "SENDHUB_TEST_NOT_SET".into(),
            secret_key_env: "CARGO_PKG_VERSION".into(),
            allow_http: false,
        }),
        ..AttachmentSettings::default()
    };
    let told = Vault::open(&settings).unwrap_err().to_string();
    assert!(told.contains("SENDHUB_TEST_NOT_SET"), "{told}");
}
