//! The echo: what tonic over mutual TLS does alone, and with nothing but a group commit of the same rows.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::{Context as _, Result};
use sendhub_client::channel::connect;
use sendhub_client::profile::Profile;
use sendhub_gateway::config::Config;
use sendhub_store::bare::{BareRows, BareWriter};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tonic::body::Body;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::http::{Request as HttpRequest, Response as HttpResponse};
use tonic::codegen::{BoxFuture, Service};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Channel, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::record::Rows;

const PATH: &str = "/bench.Echo/Echo";
/// As in the hub's own committer.
const BATCH: usize = 256;

/// What is sent and comes back.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Payload {
    #[prost(bytes = "vec", tag = "1")]
    bytes: Vec<u8>,
}

/// A running echo.
pub(super) struct Echo {
    pub(super) address: SocketAddr,
}

type Commit = (BareRows, oneshot::Sender<()>);

/// What is done before the echo comes back.
#[derive(Clone)]
struct Answering(Option<(mpsc::Sender<Commit>, Arc<Rows>)>);

impl UnaryService<Payload> for Answering {
    type Response = Payload;
    type Future = BoxFuture<Response<Payload>, Status>;

    fn call(&mut self, request: Request<Payload>) -> Self::Future {
        let durable = self.0.clone();
        Box::pin(async move {
            let payload = request.into_inner();
            if let Some((writer, rows)) = durable {
                let mut made = rows.next();
                // The content as it came, in the place of the sealed one.
                made.exchange.sealed.clone_from(&payload.bytes);
                let (done, answer) = oneshot::channel();
                writer
                    .send((made, done))
                    .await
                    .map_err(|_| Status::unavailable("the writer has ended"))?;
                answer
                    .await
                    .map_err(|_| Status::unavailable("the writer has ended"))?;
            }
            Ok(Response::new(payload))
        })
    }
}

#[derive(Clone)]
struct EchoServer(Answering);

impl NamedService for EchoServer {
    const NAME: &'static str = "bench.Echo";
}

impl Service<HttpRequest<Body>> for EchoServer {
    type Response = HttpResponse<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest<Body>) -> Self::Future {
        let answering = self.0.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<Payload, Payload>::default());
            Ok(grpc.unary(answering, request).await)
        })
    }
}

impl Echo {
    /// Starts an echo with the hub's own certificate; with a writer it commits rows before it answers.
    pub(super) async fn start(config: &Path, writer: Option<BareWriter>) -> Result<Self> {
        let tls = Config::load(config)?.tls;
        let read =
            |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(read(&tls.certificate)?, read(&tls.key)?))
            .client_ca_root(Certificate::from_pem(read(&tls.client_authorities)?));
        let durable = match writer {
            None => None,
            Some(writer) => {
                let (queue, waiting) = mpsc::channel(4_096);
                tokio::spawn(write(writer, waiting));
                Some((queue, Arc::new(Rows::new(0)?)))
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = Server::builder()
            .tls_config(tls)?
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .add_service(EchoServer(Answering(durable)))
            .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
        tokio::spawn(server);
        Ok(Self { address })
    }
}

async fn write(mut writer: BareWriter, mut waiting: mpsc::Receiver<Commit>) -> Result<()> {
    let mut taken = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut taken, BATCH).await > 0 {
        let (rows, answers): (Vec<_>, Vec<_>) = taken.drain(..).unzip();
        writer.write(rows).await?;
        for answer in answers {
            let _ = answer.send(());
        }
    }
    Ok(())
}

/// A caller of an echo.
#[derive(Clone)]
pub(super) struct Client(Channel);

impl Client {
    pub(super) async fn open(profile: &Profile) -> Result<Self> {
        Ok(Self(connect(profile).await?))
    }

    pub(super) async fn echo(&self, bytes: Vec<u8>) -> Result<(), Status> {
        let mut grpc = tonic::client::Grpc::new(self.0.clone());
        grpc.ready()
            .await
            .map_err(|error| Status::unavailable(error.to_string()))?;
        grpc.unary(
            Request::new(Payload { bytes }),
            PathAndQuery::from_static(PATH),
            ProstCodec::<Payload, Payload>::default(),
        )
        .await?;
        Ok(())
    }
}
