//! The hub's TLS connection against a client of tokio-rustls, over real sockets.

use std::time::Duration;

use rcgen::ExtendedKeyUsagePurpose;
use rustls::crypto::aws_lc_rs as provider;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream as Client;

use super::*;
use crate::tls::tests::{authority, issue};
use crate::tls::{Versions, server_config};

/// Both sides' settings.
struct Sides {
    hub: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

fn sides(versions: Versions, clients: &[&'static SupportedProtocolVersion]) -> Sides {
    let root = authority();
    let usage = |usage: ExtendedKeyUsagePurpose| {
        let (certificate, key) = issue(&root, (2020, 2040), usage);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (vec![certificate.der().clone()], key)
    };
    let (chain, key) = usage(ExtendedKeyUsagePurpose::ServerAuth);
    let hub = server_config(chain, key, versions).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(root.certificate.clone()).unwrap();
    let (chain, key) = usage(ExtendedKeyUsagePurpose::ClientAuth);
    let client = ClientConfig::builder_with_provider(Arc::new(provider::default_provider()))
        .with_protocol_versions(clients)
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap();
    Sides {
        hub: Arc::new(hub),
        client: Arc::new(client),
    }
}

/// Two connected sockets: the hub's and the client's.
async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (accepted, client) = tokio::join!(listener.accept(), TcpStream::connect(address));
    (accepted.unwrap().0, client.unwrap())
}

/// A connection after its handshake.
async fn connected(sides: &Sides) -> (TlsStream, Client<TcpStream>) {
    let (hub, client) = sockets().await;
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::clone(&sides.client));
    let (hub, client) = tokio::join!(
        TlsStream::accept(hub, Arc::clone(&sides.hub)),
        connector.connect(name, client)
    );
    (hub.unwrap(), client.unwrap())
}

fn tls13() -> Sides {
    sides(Versions::Tls13, &[&rustls::version::TLS13])
}

/// Bytes that are not the same anywhere soon.
fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from(at * 31 % 251).unwrap())
        .collect()
}

#[tokio::test]
async fn what_is_sent_arrives_whole_in_both_directions() {
    for sides in [tls13(), sides(Versions::Tls12And13, &[&rustls::version::TLS12])] {
        for length in [1, 2_000, RECORD, RECORD + 1, 3 * WRITE + 7, 2_000_000] {
            let (mut hub, mut client) = connected(&sides).await;
            assert_eq!(hub.peer_certificates().len(), 1);
            let (sent, answered) = (bytes(length), bytes(length + 1));
            let echo = async {
                let mut got = vec![0; sent.len()];
                hub.read_exact(&mut got).await.unwrap();
                hub.write_all(&answered).await.unwrap();
                hub.shutdown().await.unwrap();
                got
            };
            let ask = async {
                client.write_all(&sent).await.unwrap();
                client.flush().await.unwrap();
                let mut got = Vec::new();
                // Ends without a fault only after TLS's own word for the end.
                client.read_to_end(&mut got).await.unwrap();
                got
            };
            let (at_hub, at_client) = tokio::join!(echo, ask);
            assert!(at_hub == sent && at_client == answered, "{length} bytes");
        }
    }
}

#[tokio::test]
async fn parts_are_written_together_and_read_in_small_pieces() {
    let (mut hub, mut client) = connected(&tls13()).await;
    let parts = [bytes(9), Vec::new(), bytes(5_000), bytes(WRITE)];
    let whole = parts.concat();
    let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let mut left = &mut slices[..];
    let write = async {
        while !left.is_empty() {
            let written = std::future::poll_fn(|cx| Pin::new(&mut hub).poll_write_vectored(cx, left))
                .await
                .unwrap();
            assert!(written > 0 && written <= WRITE);
            IoSlice::advance_slices(&mut left, written);
        }
        hub.flush().await.unwrap();
    };
    let mut got = vec![0; whole.len()];
    let read = client.read_exact(&mut got);
    let ((), read) = tokio::join!(write, read);
    assert_eq!(read.unwrap(), whole.len());
    assert!(got == whole);
    client.write_all(&whole).await.unwrap();
    client.flush().await.unwrap();
    let mut got = Vec::new();
    while got.len() < whole.len() {
        let mut piece = [0; 7];
        let length = hub.read(&mut piece).await.unwrap();
        assert!(length > 0);
        got.extend_from_slice(&piece[..length]);
    }
    assert!(got == whole);
}

#[tokio::test]
async fn records_may_come_one_byte_at_a_time() {
    let sides = tls13();
    let (hub, between) = sockets().await;
    let (client, far) = sockets().await;
    let dribble = tokio::spawn(async move {
        let (mut from_hub, mut to_hub) = between.into_split();
        let (mut from_client, mut to_client) = far.into_split();
        to_hub.as_ref().set_nodelay(true).unwrap();
        let inward = async {
            while let Ok(byte) = from_client.read_u8().await {
                to_hub.write_u8(byte).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(inward, async {
            tokio::io::copy(&mut from_hub, &mut to_client).await.ok()
        });
    });
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::clone(&sides.client));
    let (hub, client) = tokio::join!(
        TlsStream::accept(hub, Arc::clone(&sides.hub)),
        connector.connect(name, client)
    );
    let (mut hub, mut client) = (hub.unwrap(), client.unwrap());
    let sent = bytes(3_000);
    client.write_all(&sent).await.unwrap();
    client.flush().await.unwrap();
    let mut got = vec![0; sent.len()];
    hub.read_exact(&mut got).await.unwrap();
    assert!(got == sent);
    drop((hub, client));
    dribble.await.unwrap();
}

#[tokio::test]
async fn an_idle_connection_keeps_no_buffer() {
    let (mut hub, mut client) = connected(&tls13()).await;
    client.write_all(&bytes(5_000)).await.unwrap();
    client.flush().await.unwrap();
    let mut got = vec![0; 5_000];
    hub.read_exact(&mut got).await.unwrap();
    hub.write_all(&got).await.unwrap();
    hub.flush().await.unwrap();
    client.read_exact(&mut got).await.unwrap();
    // Waits for what does not come.
    let waiting = timeout(Duration::from_millis(20), hub.read(&mut got)).await;
    assert!(waiting.is_err());
    let kept = [&hub.unread, &hub.plain, &hub.sealed].map(Vec::capacity);
    assert_eq!(kept, [0, 0, 0]);
}

#[tokio::test]
async fn the_end_is_what_tls_says_it_is() {
    let sides = tls13();
    let (mut hub, mut client) = connected(&sides).await;
    client.write_all(b"last").await.unwrap();
    client.shutdown().await.unwrap();
    let mut got = Vec::new();
    hub.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"last");
    // The other direction is still open.
    hub.write_all(b"answer").await.unwrap();
    hub.shutdown().await.unwrap();
    assert!(hub.write_all(b"more").await.is_err());
    let mut got = Vec::new();
    client.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"answer");

    let (mut hub, client) = connected(&sides).await;
    // A cut is not an end.
    drop(client);
    let cut = hub.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert!(
        matches!(
            cut.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
        ),
        "{cut}"
    );
}

#[tokio::test]
async fn a_peer_that_does_not_read_holds_up_the_sender() {
    let (mut hub, mut client) = connected(&tls13()).await;
    let data = bytes(WRITE);
    let mut written = 0;
    while let Ok(length) = timeout(Duration::from_millis(200), hub.write(&data)).await {
        written += length.unwrap();
        // The sockets' own buffers hold some.
        assert!(written < 64 * 1024 * 1024, "nothing holds it up");
    }
    assert!(
        hub.sealed.len() <= WRITE + 5 * AROUND,
        "{} bytes are held",
        hub.sealed.len()
    );
    // When it reads on, all is there.
    let mut got = vec![0; written];
    let (flushed, read) = tokio::join!(hub.flush(), client.read_exact(&mut got));
    flushed.unwrap();
    read.unwrap();
    assert!(got.chunks(WRITE).all(|chunk| chunk == &data[..chunk.len()]));
}

/// The first flight of a client that keeps to TLS: one record with its hello.
fn hello(client: &Arc<ClientConfig>) -> Vec<u8> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = rustls::ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut flight = Vec::new();
    connection.write_tls(&mut flight).unwrap();
    assert_eq!(flight.len(), 5 + record_length(&flight));
    flight
}

fn record_length(record: &[u8]) -> usize {
    usize::from(record[3]) * 256 + usize::from(record[4])
}

#[tokio::test]
async fn who_does_not_keep_to_tls_is_refused_with_an_alert() {
    let sides = tls13();
    // A hello, and the first byte of a further message in the same record.
    let mut more = hello(&sides.client);
    more.push(1);
    let length = u16::try_from(more.len() - 5).unwrap();
    more[3..5].copy_from_slice(&length.to_be_bytes());
    let table: [(&str, &[u8], bool); 8] = [
        ("another protocol", b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n", true),
        ("a hello that is none", &[22, 3, 1, 0, 4, 1, 0, 0, 0], true),
        ("a record too long", &[22, 3, 1, 0xff, 0xff, 1, 0, 0, 0], true),
        (
            "a message too long",
            &[22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff],
            false,
        ),
        (
            "a part of a message, then an unknown record",
            &[22, 3, 1, 0, 4, 1, 0, 1, 0, 0, 3, 3, 0, 1, 0],
            true,
        ),
        (
            "two messages, the first wrong",
            &[22, 3, 1, 0, 8, 1, 0, 0, 0, 1, 0, 0, 0],
            true,
        ),
        ("a message that spans the keys", &more, true),
        (
            "a part of a message, then an alert",
            &[22, 3, 1, 0, 4, 1, 0, 1, 0, 21, 3, 3, 0, 2, 2, 80],
            false,
        ),
    ];
    for (what, sent, told) in table {
        let (hub, mut client) = sockets().await;
        client.write_all(sent).await.unwrap();
        let accepting = TlsStream::accept(hub, Arc::clone(&sides.hub));
        let refused = timeout(Duration::from_secs(5), accepting).await.unwrap();
        let refused = refused.err().map(|error| error.kind());
        assert_eq!(refused, Some(io::ErrorKind::InvalidData), "{what}");
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer).await;
        // Content type alert, fatal.
        let alert = answer.len() == 7 && (answer[0], answer[5]) == (21, 2);
        assert!(if told { alert } else { answer.is_empty() }, "{what}: {answer:?}");
    }
    // An older protocol than is allowed.
    let old = self::sides(Versions::Tls13, &[&rustls::version::TLS12]);
    let (hub, client) = sockets().await;
    let connector = TlsConnector::from(Arc::clone(&old.client));
    let (hub, client) = tokio::join!(
        TlsStream::accept(hub, Arc::clone(&old.hub)),
        connector.connect(ServerName::try_from("localhost").unwrap(), client)
    );
    assert!(hub.is_err());
    let told = client.unwrap_err().to_string();
    assert!(told.contains("alert"), "{told}");
}

#[tokio::test]
async fn a_hello_may_come_in_many_small_records_and_holds_little() {
    let sides = tls13();
    let (hub, mut client) = sockets().await;
    let flight = hello(&sides.client);
    let mut pieces = Vec::new();
    for piece in flight[5..].chunks(3) {
        pieces.extend([22, 3, 1, 0, u8::try_from(piece.len()).unwrap()]);
        pieces.extend_from_slice(piece);
    }
    let accepting = tokio::spawn(TlsStream::accept(hub, Arc::clone(&sides.hub)));
    client.write_all(&pieces).await.unwrap();
    let mut answer = [0; 5];
    client.read_exact(&mut answer).await.unwrap();
    // The hub's own hello.
    assert_eq!(answer[0], 22);
    drop(client);
    assert!(accepting.await.unwrap().is_err());

    // One that never ends is let go, and not all of it is taken.
    let (hub, mut client) = sockets().await;
    let accepting = tokio::spawn(TlsStream::accept(hub, Arc::clone(&sides.hub)));
    client
        .write_all(&[22, 3, 1, 0, 4, 1, 0, 0xff, 0xff])
        .await
        .unwrap();
    let mut sent = 9;
    while client.write_all(&[22, 3, 1, 0, 1, 0].repeat(1_000)).await.is_ok() {
        sent += 6_000;
        assert!(sent < 64 * 1024 * 1024, "nobody lets it go");
    }
    let refused = accepting.await.unwrap().err().map(|error| error.kind());
    assert_eq!(refused, Some(io::ErrorKind::InvalidData));
}

/// The socket below a client's connection: what is written to it now is not TLS's.
fn below(client: Client<TcpStream>) -> TcpStream {
    client.into_inner().0
}

/// A record of nothing that anybody encrypted.
fn forged() -> Vec<u8> {
    let mut record = vec![23, 3, 3, 0, 40];
    record.extend(bytes(40));
    record
}

#[tokio::test]
async fn a_record_that_was_changed_on_the_way_ends_the_connection() {
    let (mut hub, client) = connected(&tls13()).await;
    let mut socket = below(client);
    socket.write_all(&forged()).await.unwrap();
    let mut got = Vec::new();
    let refused = hub.read_to_end(&mut got).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
    assert!(got.is_empty());
    // The peer is told, in a record of its own; and nothing is sent or understood on it any more.
    assert!(hub.write_all(b"x").await.is_err());
    hub.shutdown().await.unwrap();
    let mut told = Vec::new();
    socket.read_to_end(&mut told).await.unwrap();
    assert!(told.len() > 5 && told[0] == 23, "{told:?}");
    assert_eq!(told.len(), 5 + record_length(&told));
    let again = timeout(Duration::from_secs(5), hub.read(&mut [0; 8]))
        .await
        .unwrap();
    assert!(again.is_err());
}

#[tokio::test]
async fn what_came_whole_before_a_failure_is_given_whole() {
    let (mut hub, mut client) = connected(&tls13()).await;
    client.write_all(&bytes(16)).await.unwrap();
    client.flush().await.unwrap();
    below(client).write_all(&forged()).await.unwrap();
    // Both are there when it reads.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (mut one, mut other) = ([0; 9], [0; 9]);
    assert_eq!(hub.read(&mut one).await.unwrap(), 9);
    assert_eq!(hub.read(&mut other).await.unwrap(), 7);
    assert_eq!([&one[..], &other[..7]].concat(), bytes(16));
    for _ in 0..2 {
        let refused = timeout(Duration::from_secs(5), hub.read(&mut one)).await.unwrap();
        assert!(refused.is_err());
    }
}

#[tokio::test]
async fn nothing_after_the_end_is_read() {
    let (mut hub, mut client) = connected(&tls13()).await;
    client.write_all(b"last").await.unwrap();
    client.get_mut().1.send_close_notify();
    client.flush().await.unwrap();
    below(client).write_all(&forged()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut got = Vec::new();
    hub.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"last");
    assert_eq!(hub.unread.capacity(), 0);
}

#[tokio::test]
async fn who_reads_does_not_take_the_turn_of_who_writes() {
    let (hub, client) = connected(&tls13()).await;
    let (mut reads, mut writes) = tokio::io::split(hub);
    let (mut client_reads, mut client_writes) = tokio::io::split(client);
    let data = bytes(8 * 1024 * 1024);
    let expected = data.clone();
    let writing = tokio::spawn(async move {
        writes.write_all(&data).await.unwrap();
        writes.flush().await.unwrap();
        writes
    });
    let reading = tokio::spawn(async move {
        let mut got = [0; 100];
        reads.read_exact(&mut got).await.unwrap();
        // And waits on.
        let _ = reads.read(&mut got).await;
    });
    // By now the writer waits for room.
    tokio::time::sleep(Duration::from_millis(100)).await;
    client_writes.write_all(&bytes(100)).await.unwrap();
    client_writes.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut got = vec![0; expected.len()];
    let whole = timeout(Duration::from_secs(20), client_reads.read_exact(&mut got)).await;
    whole.unwrap().unwrap();
    assert!(got == expected);
    timeout(Duration::from_secs(5), writing).await.unwrap().unwrap();
    drop((client_reads, client_writes));
    timeout(Duration::from_secs(5), reading).await.unwrap().unwrap();
}

#[tokio::test]
async fn keys_may_be_renewed_on_the_way() {
    let (mut hub, mut client) = connected(&tls13()).await;
    for round in 0..20 {
        client.get_mut().1.refresh_traffic_keys().unwrap();
        let sent = bytes(100 + round);
        client.write_all(&sent).await.unwrap();
        client.flush().await.unwrap();
        let mut got = vec![0; sent.len()];
        hub.read_exact(&mut got).await.unwrap();
        assert!(got == sent);
        hub.write_all(&got).await.unwrap();
        hub.flush().await.unwrap();
        let mut back = vec![0; sent.len()];
        client.read_exact(&mut back).await.unwrap();
        assert!(back == sent);
    }
}

#[tokio::test]
async fn a_peer_that_goes_away_in_the_handshake_is_let_go() {
    let (hub, mut client) = sockets().await;
    client.write_all(&[22, 3, 1, 0, 200, 1]).await.unwrap();
    drop(client);
    let accepting = TlsStream::accept(hub, tls13().hub);
    let gone = timeout(Duration::from_secs(5), accepting).await.unwrap();
    assert_eq!(
        gone.err().map(|error| error.kind()),
        Some(io::ErrorKind::UnexpectedEof)
    );
}
