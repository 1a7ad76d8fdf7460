//! The cutter: a proxy of plain TCP before the hub, that breaks every connection when it is told.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A running proxy.
#[derive(Clone)]
pub(super) struct Cutter {
    pub(super) address: SocketAddr,
    cuts: Arc<watch::Sender<usize>>,
}

impl Cutter {
    /// Listens before a hub.
    pub(super) async fn start(hub: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let cuts = Arc::new(watch::Sender::new(0));
        let told = Arc::clone(&cuts);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, hub, told.subscribe()));
            }
        });
        Ok(Self { address, cuts })
    }

    /// Breaks every connection that is open now: both sockets are closed with whatever is on its way.
    pub(super) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// How often it was told to.
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
