//! Sockets that only this process may have. A forked process has copies of them, and a copy outlives the worker: its
//! port stays taken, and the engine does not learn that the session's connection has ended.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::sync::atomic::{AtomicI32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::idle::Idle;

/// As long as the engine lets a connection rest.
const LONGEST_IDLE: Duration = Duration::from_secs(90);

const NONE: RawFd = -1;

/// Places that only the worker's own sockets take, so that whoever fills the others with connections to the health port
/// takes none from them: two for each worker of the process.
const RESERVED: usize = 16;

/// The descriptors: far more places than a worker has sockets. One that finds no place is not closed in a fork.
static DESCRIPTORS: Places<256> = Places::new();

/// No lock, which another thread may hold at the moment of the fork.
struct Places<const COUNT: usize>([AtomicI32; COUNT]);

/// Takes all descriptors of this process's workers, so that a forked process can close them.
pub fn take_descriptors() -> impl Iterator<Item = RawFd> {
    let taken = DESCRIPTORS
        .0
        .iter()
        .map(|place| place.swap(NONE, Ordering::Relaxed));
    taken.filter(|descriptor| *descriptor != NONE)
}

impl<const COUNT: usize> Places<COUNT> {
    const fn new() -> Self {
        Self([const { AtomicI32::new(NONE) }; COUNT])
    }

    /// For a socket of the worker's own.
    fn own(&'static self, descriptor: RawFd) -> Place {
        Place::among(&self.0, descriptor)
    }

    /// For a connection that somebody else has made.
    fn visitor(&'static self, descriptor: RawFd) -> Place {
        Place::among(&self.0[RESERVED..], descriptor)
    }
}

/// A place among the descriptors, until it is dropped.
#[derive(Debug)]
struct Place(Option<&'static AtomicI32>);

impl Place {
    fn among(places: &'static [AtomicI32], descriptor: RawFd) -> Self {
        Self(places.iter().find(|place| {
            let order = Ordering::Relaxed;
            place
                .compare_exchange(NONE, descriptor, order, order)
                .is_ok()
        }))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(place) = self.0 {
            place.store(NONE, Ordering::Relaxed);
        }
    }
}

/// A socket that a forked process closes.
#[derive(Debug)]
pub(crate) struct Private<S> {
    // Dropped before the socket: its number may be another's at once.
    place: Place,
    socket: S,
}

impl<S: AsRawFd> Private<S> {
    /// A socket of the worker's own.
    pub(crate) fn new(socket: S) -> Self {
        Self {
            place: DESCRIPTORS.own(socket.as_raw_fd()),
            socket,
        }
    }
}

/// The making of a connection, which has the socket.
type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

impl Private<TcpStream> {
    /// Connects. The socket has its place before: an answer may take seconds, and the process be forked meanwhile.
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        Private::connecting(address)?.connected().await
    }
}

impl Private<Connecting> {
    fn connecting(address: SocketAddr) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        Ok(Self {
            place: DESCRIPTORS.own(socket.as_raw_fd()),
            socket: Box::pin(socket.connect(address)),
        })
    }

    async fn connected(mut self) -> io::Result<Private<TcpStream>> {
        let socket = self.socket.as_mut().await?;
        Ok(Private {
            place: self.place,
            socket,
        })
    }
}

impl<S> Private<S> {
    /// The socket itself.
    pub(crate) fn get_ref(&self) -> &S {
        &self.socket
    }
}

impl Listener for Private<TcpListener> {
    type Io = Idle<Private<TcpStream>>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.socket).await;
        let visitor = Private {
            place: DESCRIPTORS.visitor(stream.as_raw_fd()),
            socket: stream,
        };
        (Idle::new(visitor, LONGEST_IDLE), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.socket.local_addr()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Private<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Private<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(place: &Place) -> RawFd {
        place.0.expect("a place").load(Ordering::Relaxed)
    }

    #[test]
    fn connections_of_others_leave_places_to_the_workers_own() {
        static PLACES: Places<{ RESERVED + 2 }> = Places::new();
        let visitors = [11, 12, 13].map(|visitor| PLACES.visitor(visitor));
        let placed = visitors.each_ref().map(|place| place.0.is_some());
        assert_eq!(placed, [true, true, false]);
        let own = PLACES.own(14);
        assert_eq!(descriptor(&own), 14);
    }

    #[tokio::test]
    async fn a_socket_has_its_place_before_it_is_connected_and_keeps_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let connecting = Private::connecting(address).expect("a socket");
        let taken = descriptor(&connecting.place);
        let stream = connecting.connected().await.expect("connects");
        assert_eq!(stream.get_ref().peer_addr().expect("a peer"), address);
        assert_eq!(stream.get_ref().as_raw_fd(), taken);
        assert_eq!(descriptor(&stream.place), taken);
    }
}
