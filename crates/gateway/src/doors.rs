//! The doors: connections accepted and shaken hands with, their certificates judged, and the TLS files read again
//! when they change.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;
use tracing::{info, warn};

use crate::config::{Config, Tls};
use crate::hub::Hub;
use crate::server::{ServeError, unusable};
use crate::tls::stream::TlsStream;
use crate::tls::{ClientTrust, PeerCertificate, Versions, server_config};

/// A connection whose handshake is done, with the verdict on its certificate.
pub(crate) struct Connection {
    // In a box: whoever passes a connection on would keep room for it in each hand that it went through.
    stream: Box<TlsStream>,
    peer: PeerCertificate,
    _place: tokio::sync::OwnedSemaphorePermit,
}

impl Connected for Connection {
    type ConnectInfo = PeerCertificate;

    fn connect_info(&self) -> PeerCertificate {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// What a handshake needs; replaced when a file changes.
pub(crate) struct Doors {
    config: Arc<ServerConfig>,
    trust: ClientTrust,
}

impl Doors {
    /// Reads the TLS files.
    pub(crate) fn open(tls: &Tls) -> Result<Self, ServeError> {
        let chain = certificates(&tls.certificate)?;
        let key =
            PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| unusable(tls.key.display())(&error))?;
        let versions = if tls.allow_tls12 {
            Versions::Tls12And13
        } else {
            Versions::Tls13
        };
        let config =
            server_config(chain, key, versions).map_err(|error| unusable("tls.certificate")(&error))?;
        let lists = match &tls.revocation_lists {
            None => Vec::new(),
            Some(path) => CertificateRevocationListDer::pem_file_iter(path)
                .and_then(Iterator::collect)
                .map_err(|error| unusable(path.display())(&error))?,
        };
        let trust = ClientTrust::new(certificates(&tls.client_authorities)?, lists)
            .map_err(|error| unusable("tls.client_authorities")(&error))?;
        Ok(Self {
            config: Arc::new(config),
            trust,
        })
    }
}

/// Accepts connections and shakes hands, each in a task of its own: a slow or hostile client holds up nobody.
pub(crate) fn accept(
    listener: TcpListener,
    doors: Arc<ArcSwap<Doors>>,
    config: &Config,
    hub: Arc<Hub>,
) -> mpsc::Receiver<Connection> {
    let (ready, connections) = mpsc::channel(64);
    let places = Arc::new(Semaphore::new(config.limits.connections));
    let patience = Duration::from_secs(config.tls.handshake_seconds);
    tokio::spawn(async move {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let accepted = tokio::select! {
                () = hub.stopping.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Too many open files, most likely: wait rather than spin.
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let _ = stream.set_nodelay(true);
            let (doors, ready, hub) = (doors.load_full(), ready.clone(), Arc::clone(&hub));
            tokio::spawn(async move {
                let accepting = TlsStream::accept(stream, Arc::clone(&doors.config));
                let Ok(Ok(stream)) = tokio::time::timeout(patience, accepting).await else {
                    return;
                };
                let peer = doors
                    .trust
                    .judge(stream.peer_certificates(), hub.clock.machine_now());
                let _ = ready
                    .send(Connection {
                        stream: Box::new(stream),
                        peer,
                        _place: place,
                    })
                    .await;
            });
        }
    });
    connections
}

/// Reads certificate, key and authorities again when one of the files changes. What cannot be used is told, and
/// the old stays.
pub(crate) async fn keep(tls: Tls, doors: Arc<ArcSwap<Doors>>, stopping: CancellationToken) {
    let mut known = changed_at(&tls);
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        let now = changed_at(&tls);
        if now == known {
            continue;
        }
        known = now;
        match Doors::open(&tls) {
            Ok(opened) => {
                doors.store(Arc::new(opened));
                info!("TLS files were read again");
            }
            Err(failure) => warn!(%failure, "changed TLS files cannot be used; the old stay"),
        }
    }
}

fn changed_at(tls: &Tls) -> Vec<Option<SystemTime>> {
    [&tls.certificate, &tls.key, &tls.client_authorities]
        .into_iter()
        .chain(&tls.revocation_lists)
        .map(|path| std::fs::metadata(path).and_then(|found| found.modified()).ok())
        .collect()
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServeError> {
    let wrong = unusable(path.display());
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(&error))?;
    if found.is_empty() {
        return Err(wrong(&"holds no certificate"));
    }
    Ok(found)
}
