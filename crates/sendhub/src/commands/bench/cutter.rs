//! The cutter: a proxy of plain TCP before the hub, that breaks every connection when it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A running proxy.
#[derive(Clone)]
pub(super) struct Cutter {
    pub(super) address: SocketAddr,
    cuts: Arc<watch::Sender<usize>>,
    /// Whether a connection has come since the last cut.
    whole: Arc<AtomicBool>,
}

impl Cutter {
    /// Listens before a hub.
    pub(super) async fn start(hub: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let cuts = Arc::new(watch::Sender::new(0));
        let whole = Arc::new(AtomicBool::new(false));
        let (told, came) = (Arc::clone(&cuts), Arc::clone(&whole));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, hub, told.subscribe()));
                came.store(true, Ordering::Release);
            }
        });
        Ok(Self { address, cuts, whole })
    }

    /// Breaks every connection that is open now: both sockets are closed with whatever is on its way. Nothing is done
    /// when none has come since the last cut: answers that had arrived before it are still being read.
    pub(super) fn cut(&self) {
        if self.whole.swap(false, Ordering::AcqRel) {
            self.cuts.send_modify(|cuts| *cuts += 1);
        }
    }

    /// How often it did.
    pub(super) fn cuts(&self) -> usize {
        *self.cuts.borrow()
    }
}

async fn pass(mut client: TcpStream, hub: SocketAddr, mut cuts: watch::Receiver<usize>) {
    let Ok(mut server) = TcpStream::connect(hub).await else {
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    tokio::select! {
        _ = cuts.changed() => {}
        _ = copy_bidirectional(&mut client, &mut server) => {}
    }
}
