//! A TLS connection that keeps no buffer while nothing is under way: rustls' unbuffered connection on a TCP socket.
//!
//! An inbox that is watched is a connection on which nothing happens. rustls' other connection keeps the page into
//! which it read last, for as long as the connection stands: a seventh of all that such a watch takes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BufMut as _;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, InsufficientSizeError, WriteTraffic,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The most that is read at once: a whole record and what surrounds it.
const READ: usize = 17 * 1024;
/// The most that may be read and not be understood: a handshake's longest message, and a record. More is an attack.
const UNREAD: usize = 64 * 1024 + READ;
/// The most that is encrypted for one write: what a sender holds for a peer that does not read.
const WRITE: usize = 64 * 1024;
/// What TLS adds to a record at most, beside its content.
const AROUND: usize = 64;
/// The longest content of a record.
const RECORD: usize = 16 * 1024;

/// The hub's side of a TLS connection.
pub(crate) struct TlsStream {
    socket: TcpStream,
    tls: UnbufferedServerConnection,
    /// Read from the socket, not yet understood: a part of a record, or of a handshake's message.
    unread: Vec<u8>,
    /// Decrypted, with no room in the buffer of who read; from `taken` on not yet given.
    plain: Vec<u8>,
    taken: usize,
    /// Encrypted; from `sent` on not yet written to the socket.
    sealed: Vec<u8>,
    sent: usize,
    /// The peer has said that it sends no more.
    ended: bool,
    /// The peer was told that nothing more comes.
    closed: bool,
    /// The peer did not keep to TLS: nothing more is understood, and nothing sent but what TLS says about it.
    failed: bool,
    /// Why, when who reads was given what came before it and is still to be told.
    untold: Option<io::Error>,
}

/// What is to be encrypted when TLS is ready for it.
#[derive(Clone, Copy)]
enum Outward<'a> {
    Nothing,
    Data(&'a [u8]),
    Close,
}

/// Where TLS stands when it has understood all that was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Handshake,
    Traffic,
    Closed,
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl TlsStream {
    /// Shakes hands.
    ///
    /// # Errors
    /// What the socket says; [`io::ErrorKind::InvalidData`]: the peer does not keep to TLS, and was sent the alert;
    /// [`io::ErrorKind::UnexpectedEof`]: it went away.
    pub(crate) async fn accept(socket: TcpStream, config: Arc<ServerConfig>) -> io::Result<Self> {
        let mut stream = Self {
            socket,
            tls: UnbufferedServerConnection::new(config).map_err(invalid)?,
            unread: Vec::new(),
            plain: Vec::new(),
            taken: 0,
            sealed: Vec::new(),
            sent: 0,
            ended: false,
            closed: false,
            failed: false,
            untold: None,
        };
        std::future::poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(stream)
    }

    /// The certificates that the peer showed, its own first.
    pub(crate) fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        self.tls.peer_certificates().unwrap_or_default()
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let stage = self.understand(None, Outward::Nothing)?;
            // The peer does not go on before it has what is said here.
            ready!(self.poll_send(cx))?;
            match stage {
                Stage::Traffic => return Poll::Ready(Ok(())),
                Stage::Closed => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Stage::Handshake => {}
            }
            if ready!(self.poll_socket(cx))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// Has TLS understand all that was read, and encrypts what is to go out. What it decrypts goes to `reader`, and
    /// what has no room there is kept.
    ///
    /// # Errors
    /// The peer does not keep to TLS, now or before. It is sent the alert, as far as its socket takes it now.
    fn understand(
        &mut self,
        mut reader: Option<&mut ReadBuf<'_>>,
        outward: Outward<'_>,
    ) -> io::Result<Stage> {
        if self.failed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut understood = 0;
        let stage = loop {
            let status = self.tls.process_tls_records(&mut self.unread[understood..]);
            understood += status.discard;
            match status.state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        understood += record.discard;
                        let mut rest = record.payload;
                        if let Some(reader) = &mut reader
                            && self.plain.is_empty()
                        {
                            let (now, later) = rest.split_at(rest.len().min(reader.remaining()));
                            reader.put_slice(now);
                            rest = later;
                        }
                        self.plain.extend_from_slice(rest);
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    if let Err(error) = encode(&mut self.sealed, &mut data) {
                        break Err(error);
                    }
                }
                // It stands in the queue, before all that follows.
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.ended = true,
                Ok(ConnectionState::Closed) => {
                    self.ended = true;
                    break Ok(Stage::Closed);
                }
                Ok(ConnectionState::BlockedHandshake) => break Ok(Stage::Handshake),
                Ok(ConnectionState::WriteTraffic(traffic)) => {
                    break encrypt(&mut self.sealed, traffic, outward).map(|()| Stage::Traffic);
                }
                // Early data is not offered.
                Ok(other) => break Err(invalid(format!("TLS is in an unknown state: {other:?}"))),
                Err(error) => break Err(invalid(error)),
            }
        };
        match stage {
            // Nothing that comes after the peer's end is read.
            Ok(_) if self.ended => self.unread = Vec::new(),
            Ok(_) => drop(self.unread.drain(..understood)),
            Err(_) => self.fail(),
        }
        stage
    }

    /// Takes from TLS what it has to say about a failure, and nothing else: it is not given again what it refused.
    fn fail(&mut self) {
        self.failed = true;
        self.unread = Vec::new();
        while self.tls.wants_write() {
            let Ok(ConnectionState::EncodeTlsData(mut data)) = self.tls.process_tls_records(&mut []).state
            else {
                break;
            };
            if encode(&mut self.sealed, &mut data).is_err() {
                break;
            }
        }
        // Whoever waits to write is not to lose its place to this.
        if let Ok(written) = self.socket.try_write(&self.sealed[self.sent..]) {
            self.sent += written;
        }
    }

    /// Reads from the socket: how much, and 0 at its end. While there is nothing, no room is kept for it.
    fn poll_socket(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.unread.len() > UNREAD {
            self.fail();
            return Poll::Ready(Err(invalid("a message is longer than TLS has it")));
        }
        loop {
            match self.unread.len() {
                0 => self.unread = Vec::new(),
                unread => self.unread.shrink_to(unread + READ),
            }
            ready!(self.socket.poll_read_ready(cx))?;
            self.unread.reserve_exact(READ);
            match self.socket.try_read_buf(&mut (&mut self.unread).limit(READ)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read),
            }
        }
    }

    /// Writes to the socket what is encrypted.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.sealed.len() {
            let rest = &self.sealed[self.sent..];
            match ready!(Pin::new(&mut self.socket).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.sent += written,
            }
        }
        self.sealed = Vec::new();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    /// Gives what was decrypted and had no room before.
    fn give(&mut self, reader: &mut ReadBuf<'_>) {
        let rest = &self.plain[self.taken..];
        let now = rest.len().min(reader.remaining());
        reader.put_slice(&rest[..now]);
        self.taken += now;
        if self.taken == self.plain.len() {
            self.plain = Vec::new();
            self.taken = 0;
        }
    }
}

/// Appends what `write` writes, making as much room as it says that it needs; nothing, when it fails.
fn append(
    to: &mut Vec<u8>,
    room: usize,
    mut write: impl FnMut(&mut [u8]) -> io::Result<Result<usize, InsufficientSizeError>>,
) -> io::Result<()> {
    let start = to.len();
    to.resize(start + room, 0);
    loop {
        match write(&mut to[start..]) {
            Ok(Ok(length)) => {
                to.truncate(start + length);
                return Ok(());
            }
            Ok(Err(InsufficientSizeError { required_size })) => {
                // Never less than before, so that this ends.
                let larger = required_size.max(to.len() - start + 1);
                to.resize(start + larger, 0);
            }
            Err(error) => {
                to.truncate(start);
                return Err(error);
            }
        }
    }
}

/// Appends what TLS has to say itself.
fn encode<D>(to: &mut Vec<u8>, data: &mut EncodeTlsData<'_, D>) -> io::Result<()> {
    append(to, 0, |room| match data.encode(room) {
        Err(EncodeError::InsufficientSize(short)) => Ok(Err(short)),
        Err(error) => Err(invalid(error)),
        Ok(length) => Ok(Ok(length)),
    })
}

fn encrypt<D>(to: &mut Vec<u8>, mut traffic: WriteTraffic<'_, D>, outward: Outward<'_>) -> io::Result<()> {
    let room = match outward {
        Outward::Nothing => return Ok(()),
        Outward::Data(data) => data.len() + (data.len() / RECORD + 1) * AROUND,
        Outward::Close => AROUND,
    };
    append(to, room, |room| {
        let written = match outward {
            Outward::Nothing => Ok(0),
            Outward::Data(data) => traffic.encrypt(data, room),
            Outward::Close => traffic.queue_close_notify(room),
        };
        match written {
            Err(EncryptError::InsufficientSize(short)) => Ok(Err(short)),
            Err(error) => Err(invalid(error)),
            Ok(length) => Ok(Ok(length)),
        }
    })
}

impl AsyncRead for TlsStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        reader: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        if reader.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if !stream.plain.is_empty() {
            stream.give(reader);
            return Poll::Ready(Ok(()));
        }
        let before = reader.filled().len();
        loop {
            if stream.failed {
                let error = stream.untold.take();
                return Poll::Ready(Err(error.unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())));
            }
            // The end is what TLS says it is.
            if stream.ended {
                return Poll::Ready(Ok(()));
            }
            if ready!(stream.poll_socket(cx))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            let understood = stream.understand(Some(reader), Outward::Nothing);
            if reader.filled().len() > before {
                // What came whole is given first.
                stream.untold = understood.err();
                return Poll::Ready(Ok(()));
            }
            understood?;
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        // A peer that does not read holds up who sends.
        ready!(stream.poll_send(cx))?;
        if stream.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let data = &data[..data.len().min(WRITE)];
        if stream.understand(None, Outward::Data(data))? != Stage::Traffic {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        match stream.poll_send(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(data.len())),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut parts = parts.iter().filter(|part| !part.is_empty());
        let Some(first) = parts.next() else {
            return self.poll_write(cx, &[]);
        };
        let Some(second) = parts.next() else {
            return self.poll_write(cx, first);
        };
        // Before the copy, which would be for nothing if it is not.
        let stream = self.get_mut();
        ready!(stream.poll_send(cx))?;
        // Parts go together: each record costs the peer, too.
        let mut data = Vec::with_capacity(WRITE.min(first.len() + second.len()));
        for part in [first, second].into_iter().chain(parts) {
            let room = WRITE - data.len();
            data.extend_from_slice(&part[..part.len().min(room)]);
            if data.len() == WRITE {
                break;
            }
        }
        Pin::new(stream).poll_write(cx, &data)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        if !stream.closed && !stream.failed {
            stream.closed = true;
            stream.understand(None, Outward::Close)?;
        }
        ready!(stream.poll_send(cx))?;
        Pin::new(&mut stream.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
