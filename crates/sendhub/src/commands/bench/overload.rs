//! The hub under bad clients, over real connections: who does not read, who comes too late, who holds too much.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use sendhub_client::bulk::Bulk;
use sendhub_client::channel::Bearer;
use sendhub_client::courier;
use sendhub_client::session::{Session, Signed};
use sendhub_client::token::Minter;
use sendhub_client::told::Told;
use sendhub_contracts::mailbox::v1::mailbox_service_client::MailboxServiceClient;
use sendhub_contracts::mailbox::v1::{
    CollectDeliveriesRequest, ListDeliveriesRequest, WatchDeliveriesRequest,
};
use sendhub_contracts::transfer::v1::{SubmitTransferRequest, SubmitTransfersRequest};
use sendhub_gateway::config::Limits;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Status};

use super::ground::Ground;
use super::record::Records;

const SENDER: &str = "9991001";
const RECIPIENT: &str = "9984001";

async fn ground(limits: impl FnOnce(&mut Limits)) -> Ground {
    Ground::make(None, &[SENDER, RECIPIENT], limits).await.unwrap()
}

async fn session(ground: &Ground, school: &str) -> Session {
    Session::open(&ground.profile(school).unwrap()).await.unwrap()
}

/// A mailbox whose connection has room, and whose streams have little: who does not read is soon waited for.
async fn mailbox_with_small_windows(ground: &Ground) -> MailboxServiceClient<Signed> {
    let profile = ground.profile(RECIPIENT).unwrap();
    let read = |path: &std::path::Path| std::fs::read(path).unwrap();
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(&profile.hub_authority)))
        .identity(Identity::from_pem(read(&profile.certificate), read(&profile.key)));
    let channel = Endpoint::from_shared(profile.hub.clone())
        .unwrap()
        .tls_config(tls)
        .unwrap()
        .initial_stream_window_size(16 * 1024)
        .initial_connection_window_size(4 << 20)
        .connect()
        .await
        .unwrap();
    let bearer = Bearer::new(Arc::new(Minter::new(&profile).unwrap()));
    MailboxServiceClient::new(InterceptedService::new(channel, bearer))
}

fn in_time<T>(message: T, milliseconds: u64) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_millis(milliseconds));
    request
}

async fn submit(session: &Session, request: Request<SubmitTransferRequest>) -> Result<String, Status> {
    let answer = session.transfers().submit_transfer(request).await?;
    Ok(answer.into_inner().receipt.unwrap_or_default().exchange)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stops_reading_is_cut_and_harms_nobody() {
    let ground = ground(|limits| limits.slow_reader_seconds = 1).await;
    let sender = session(&ground, SENDER).await;
    let records = Records::new();
    let source = stream::iter((0..100).map(|_| records.next()));
    let sent = Bulk::default().send(&sender, source, |_, _| ()).await.unwrap();
    assert_eq!(sent.accepted, 100);

    let mut mailbox = mailbox_with_small_windows(&ground).await;
    let recipient = session(&ground, RECIPIENT).await;
    let waiting = courier::list(&recipient).await.unwrap();
    let ids: Vec<String> = waiting.into_iter().map(|notice| notice.delivery_id).collect();
    let asked = CollectDeliveriesRequest {
        delivery_ids: ids.clone(),
    };
    let mut unread = mailbox.collect_deliveries(asked).await.unwrap().into_inner();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    // Its own connection answers all the while.
    let page = ListDeliveriesRequest {
        page_size: 10,
        ..ListDeliveriesRequest::default()
    };
    let page = mailbox.list_deliveries(page).await.unwrap().into_inner();
    assert_eq!(page.deliveries.len(), 10);

    let mut read = 0;
    let told = loop {
        match unread.message().await {
            Ok(Some(_)) => read += 1,
            Ok(None) => panic!("the stream ended as if all had been read, after {read}"),
            Err(status) => break status,
        }
    };
    assert!(read < 100, "{read} were held for a reader that did not read");
    assert_eq!(told.code(), Code::ResourceExhausted);
    assert_eq!(Told::from(&told).reason, "OVERLOADED");
    // Nothing is lost: what was not read is collected again.
    let collected = courier::collect(&recipient, &ids).await.unwrap();
    assert!(collected.len() == 100 && collected.iter().all(|(_, one)| one.is_ok()));
    ground.stop().await.unwrap().clear().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_up_by_its_deadline_is_not_written_and_what_is_under_way_is_finished() {
    let ground = ground(|_| ()).await;
    let sender = session(&ground, SENDER).await;
    let records = Records::new();
    submit(&sender, Request::new(records.next())).await.unwrap();

    let mut lock = lock(&ground).await;
    let (under_way, waiting, streamed) = (records.next(), records.next(), records.next());
    let first = {
        let (sender, request) = (sender.clone(), in_time(under_way.clone(), 600));
        tokio::spawn(async move { submit(&sender, request).await })
    };
    // The first is taken into a commit, which the lock holds up; those behind it wait to be taken.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let late = submit(&sender, in_time(waiting.clone(), 300)).await.unwrap_err();
    let stream = stream::iter([SubmitTransfersRequest {
        transfer: Some(streamed),
    }]);
    let mut answers = sender
        .transfers()
        .submit_transfers(in_time(stream, 300))
        .await
        .unwrap()
        .into_inner();
    let late_stream = answers.message().await.unwrap_err();
    for status in [first.await.unwrap().unwrap_err(), late, late_stream] {
        // The caller's own clock may be the quicker one: its library then says that it gave up.
        let gave_up = status.code() == Code::Cancelled && status.message() == "Timeout expired";
        assert!(gave_up || status.code() == Code::DeadlineExceeded, "{status:?}");
    }
    sqlx::query("ROLLBACK").execute(&mut lock).await.unwrap();
    lock.close().await.unwrap();

    submit(&sender, Request::new(records.next())).await.unwrap();
    // The same request again is the same exchange, whether its first answer came or not.
    submit(&sender, Request::new(under_way)).await.unwrap();
    let left = ground.stop().await.unwrap();
    let report = left.verify().await.unwrap();
    assert_eq!((report.fault_count, report.exchanges), (0, 3));
    left.clear().await.unwrap();
}

/// Takes the database's write lock, as a slow disk would.
async fn lock(ground: &Ground) -> SqliteConnection {
    let mut lock = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(ground.plot.config.sqlite_path().unwrap())
        .busy_timeout(Duration::from_secs(5))
        .connect()
        .await
        .unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut lock).await.unwrap();
    lock
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_holds_its_agency_s_place_until_it_ends() {
    let ground = ground(|limits| limits.agency_streams = 1).await;
    let (one, other) = (session(&ground, SENDER).await, session(&ground, RECIPIENT).await);
    let watch = WatchDeliveriesRequest::default;
    let first = one.mailbox().watch_deliveries(watch()).await.unwrap();
    let refused = one.mailbox().watch_deliveries(watch()).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(Told::from(&refused).reason, "RATE_LIMITED");
    assert!(other.mailbox().watch_deliveries(watch()).await.is_ok());
    drop(first);
    let mut again = one.mailbox().watch_deliveries(watch()).await;
    for _ in 0..50 {
        if again.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        again = one.mailbox().watch_deliveries(watch()).await;
    }
    assert!(again.is_ok(), "the place is free when the stream has ended");
    ground.stop().await.unwrap().clear().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_share_holds_a_stream_up_and_refuses_nothing() {
    let ground = ground(|limits| {
        limits.agency_records = 2;
        limits.agency_waiting_writes = 1;
        limits.waiting_writes = 8;
    })
    .await;
    let sender = session(&ground, SENDER).await;
    let records = Records::new();
    let source = stream::iter((0..200).map(|_| records.next()));
    let counts = Bulk::default().send(&sender, source, |_, _| ()).await.unwrap();
    assert_eq!((counts.accepted, counts.refused, counts.cuts), (200, 0, 0));
    ground.stop().await.unwrap().clear().await.unwrap();
}
