//! Connections: how many there are at once, who gives way to whom, and how long one may be silent in the midst of a
//! request or leave an answer unread.

mod patient;
mod places;

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use tasker_protocol::origin;

use crate::api::error::ApiError;
use patient::Patient;
use places::{Busy, Place, Places};

/// How long a client may take for a request's head, the time between two requests included.
const HEAD: Duration = Duration::from_secs(90);

/// How long a client may read nothing of what is sent to it.
const UNREAD: Duration = Duration::from_secs(30);

/// Between attempts to accept a connection when that fails, as it does without a free file descriptor: the first wait and
/// the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Serves until `closing` says so, and then until the requests that are under way are answered. Who connects meanwhile is
/// answered too, one request each: that this engine is stopping says more than a refused connection.
pub async fn serve(listener: TcpListener, router: Router, closing: watch::Receiver<bool>) {
    let places = Places::of_engine(places::open_files());
    serve_in(&places, listener, router, closing).await;
}

async fn serve_in(
    places: &Arc<Places>,
    listener: TcpListener,
    router: Router,
    mut closing: watch::Receiver<bool>,
) {
    let (under_way, mut ended) = mpsc::channel::<()>(1);
    loop {
        let stream = tokio::select! {
            stream = accept(&listener, places) => stream,
            () = closed(&mut closing) => break,
        };
        // Whoever was accepted is answered, also when it closes meanwhile.
        let place = places.take().await;
        let (router, stops, under_way) = (router.clone(), closing.clone(), under_way.clone());
        tokio::spawn(async move {
            converse(stream, place, router, stops).await;
            drop(under_way);
        });
    }
    drop(under_way);
    loop {
        tokio::select! {
            _ = ended.recv() => break,
            stream = accept(&listener, places) => {
                let place = places.take().await;
                tokio::spawn(converse(stream, place, router.clone(), closing.clone()));
            }
        }
    }
}

async fn accept(listener: &TcpListener, places: &Places) -> TcpStream {
    let (mut wait, longest) = RETRY;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!("a connection cannot be accepted: {error}");
                // Without a file descriptor there is no place either.
                places.make_room();
                sleep(wait).await;
                wait = (wait * 2).min(longest);
            }
        }
    }
}

async fn closed(closing: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which closes too.
    let _ = closing.wait_for(|closing| *closing).await;
}

async fn converse(
    stream: TcpStream,
    place: Place,
    router: Router,
    mut closing: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::warn!("TCP_NODELAY: {error}");
    }
    let place = Arc::new(place);
    let is_late = *closing.borrow();
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD);
    server.keep_alive(!is_late && !place.is_reserve());
    // A worker's session goes on without the place.
    let written = Arc::downgrade(&place);
    let written = move || written.upgrade().iter().for_each(|place| place.written());
    let io = TokioIo::new(Patient::new(UNREAD, stream, written));
    let answers = Answers {
        router: TowerToHyperService::new(router),
        place: Arc::clone(&place),
    };
    let mut connection = pin!(server.serve_connection(io, answers).with_upgrades());
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = place.lost() => return,
        () = closed(&mut closing), if !is_late => {
            if !place.is_busy() {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection ended: {error}");
    }
}

/// What a connection's requests are answered with.
struct Answers {
    router: TowerToHyperService<Router>,
    place: Arc<Place>,
}

impl Service<Request<Incoming>> for Answers {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let busy = self.place.begin();
        let refused = match &busy {
            None => Some("another that asks has this connection's place".to_owned()),
            Some(_) if self.place.is_reserve() && !is_kept(request.uri().path()) => {
                let limit = self.place.limit();
                Some(format!(
                    "requests under way on all of its {limit} connections"
                ))
            }
            Some(_) => None,
        };
        let answered = match refused {
            Some(what) => Err(ApiError::overloaded(&what)),
            None => Ok(self.router.call(request)),
        };
        Box::pin(async move {
            let response = match answered {
                Ok(answered) => answered.await?,
                Err(refusal) => refusal.into_response(),
            };
            Ok(response.map(|body| Answer { body, _busy: busy }))
        })
    }
}

/// Whether a path is one of those for which places are kept.
fn is_kept(path: &str) -> bool {
    origin::is_probe(path) || path == "/v1/worker"
}

/// An answer's body, with which its request is over once all of it is written.
struct Answer {
    body: Body,
    _busy: Option<Busy>,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Semaphore;
    use tokio::task::JoinHandle;

    use super::*;

    /// More bytes than the system takes from a server whose client reads nothing.
    const LARGE: usize = 32 << 20;

    /// A server on loopback with a call, `/slow`, that says when it begins and is answered when it is told to.
    struct Server {
        listens: SocketAddr,
        begun: Arc<Semaphore>,
        answer: Arc<Semaphore>,
        close: watch::Sender<bool>,
        serving: JoinHandle<()>,
    }

    impl Server {
        async fn start(limit: usize, reserve: usize) -> Server {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let listens = listener.local_addr().expect("an address");
            let [begun, answer] = [(); 2].map(|()| Arc::new(Semaphore::new(0)));
            let (begins, told) = (Arc::clone(&begun), Arc::clone(&answer));
            let slow = || async move {
                begins.add_permits(1);
                told.acquire().await.expect("never closed").forget();
            };
            let router = Router::new()
                .route("/slow", get(slow))
                .route("/quick", get(|| async {}))
                .route("/large", get(|| async { vec![b'~'; LARGE] }))
                .route("/health/live", get(|| async {}))
                .route("/v1/worker", get(|| async {}));
            let (close, closing) = watch::channel(false);
            let places = Places::new(limit, reserve);
            let serving =
                tokio::spawn(async move { serve_in(&places, listener, router, closing).await });
            Server {
                listens,
                begun,
                answer,
                close,
                serving,
            }
        }

        async fn connect(&self) -> TcpStream {
            let connected = TcpStream::connect(self.listens).await;
            connected.expect("a connection")
        }

        /// A connection on which a request is under way.
        async fn busy(&self) -> TcpStream {
            let mut stream = self.connect().await;
            say(&mut stream, "/slow").await;
            self.begun.acquire().await.expect("never closed").forget();
            stream
        }
    }

    async fn say(stream: &mut TcpStream, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: engine\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
    }

    /// The status of the next answer, which is a short one.
    async fn status(stream: &mut TcpStream) -> String {
        let mut answer = vec![0; 4096];
        let read = stream.read(&mut answer).await.expect("an answer");
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    }

    async fn ask(stream: &mut TcpStream, path: &str) -> String {
        say(stream, path).await;
        status(stream).await
    }

    async fn until_closed(stream: &mut TcpStream) {
        // Where it has said something that nobody read, the end is a reset.
        if let Ok(read) = stream.read(&mut [0]).await {
            assert_eq!(read, 0);
        }
    }

    #[tokio::test]
    async fn who_says_nothing_gives_way_to_whoever_asks_oldest_first() {
        let server = Server::start(3, 0).await;
        let mut silent = server.connect().await;
        let mut halfway = server.connect().await;
        let head = b"GET /quick HTTP/1.1\r\n";
        halfway.write_all(head).await.expect("sent");
        let mut idle = server.connect().await;
        assert_eq!(ask(&mut idle, "/quick").await, "200");
        let mut fourth = server.connect().await;
        assert_eq!(ask(&mut fourth, "/quick").await, "200");
        until_closed(&mut silent).await;
        let mut fifth = server.connect().await;
        assert_eq!(ask(&mut fifth, "/quick").await, "200");
        until_closed(&mut halfway).await;
        for mut kept in [idle, fourth, fifth] {
            assert_eq!(ask(&mut kept, "/quick").await, "200");
        }
    }

    #[tokio::test]
    async fn where_all_are_busy_health_and_workers_are_served_and_others_are_told() {
        let server = Server::start(2, 1).await;
        let mut busy = server.busy().await;
        let _other = server.busy().await;
        for (path, expected) in [
            ("/quick", "503"),
            ("/health/live", "200"),
            ("/v1/worker", "200"),
            ("/health-of-others", "503"),
        ] {
            let mut stream = server.connect().await;
            assert_eq!(ask(&mut stream, path).await, expected, "{path}");
            until_closed(&mut stream).await;
        }
        server.answer.add_permits(1);
        assert_eq!(status(&mut busy).await, "200");
        // Idle now, it gives way to the next.
        assert_eq!(ask(&mut server.connect().await, "/quick").await, "200");
        until_closed(&mut busy).await;
    }

    /// Reads the rest of what `/large` is answered with.
    async fn read_large(stream: &mut TcpStream) {
        let (mut buffer, mut left) = (vec![0; 64 << 10], LARGE);
        while left > 0 {
            let read = stream.read(&mut buffer).await.expect("an answer");
            assert!(read > 0, "cut with {left} bytes left");
            left -= buffer[..read].iter().filter(|byte| **byte == b'~').count();
        }
    }

    #[tokio::test]
    async fn an_answer_is_written_whole_however_slowly_it_is_read() {
        let server = Server::start(1, 0).await;
        let mut slow = server.connect().await;
        say(&mut slow, "/large").await;
        slow.readable().await.expect("an answer");
        let mut other = server.connect().await;
        say(&mut other, "/quick").await;
        read_large(&mut slow).await;
        assert_eq!(status(&mut other).await, "200");
        until_closed(&mut slow).await;

        say(&mut other, "/large").await;
        other.readable().await.expect("an answer");
        server.close.send_replace(true);
        read_large(&mut other).await;
        until_closed(&mut other).await;
        server.serving.await.expect("it ends");
    }

    #[tokio::test]
    async fn who_is_answered_when_it_closes_is_waited_for_and_who_comes_is_answered() {
        let server = Server::start(9, 0).await;
        let mut silent = server.connect().await;
        let mut halfway = server.connect().await;
        let head = b"GET /quick HTTP/1.1\r\n";
        halfway.write_all(head).await.expect("sent");
        let mut busy = server.busy().await;
        server.close.send_replace(true);
        until_closed(&mut silent).await;
        until_closed(&mut halfway).await;
        let mut late = server.connect().await;
        assert_eq!(ask(&mut late, "/quick").await, "200");
        until_closed(&mut late).await;
        assert!(!server.serving.is_finished());
        server.answer.add_permits(1);
        assert_eq!(status(&mut busy).await, "200");
        server.serving.await.expect("it ends");
    }
}
