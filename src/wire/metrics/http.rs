//! `GET /metrics`: one request for each connection, a bounded time, a bounded head.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep, timeout};

use super::super::runner::Runner;
use super::exposition::MEDIA_TYPE;
use super::text;

/// Connections at once: a monitoring system has one or two.
const CONNECTIONS: usize = 8;
/// Octets of a head, the least that hyper takes.
const HEAD: usize = 8_192;
/// Fields of a head.
const FIELDS: usize = 64;
/// How long one may take, from the connection to its end.
const WITHIN: Duration = Duration::from_secs(5);

/// Answers whoever asks, for ever.
pub(in crate::wire) async fn keep_answering(runner: Rc<Runner>, listener: TcpListener) {
    let mut served: VecDeque<JoinHandle<()>> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        served.retain(|one| !one.is_finished());
        // At the bound the oldest makes room: who reads has long been served by then.
        if served.len() >= CONNECTIONS
            && let Some(oldest) = served.pop_front()
        {
            oldest.abort();
        }
        let runner = Rc::clone(&runner);
        served.push_back(spawn_local(async move {
            let numbers = || text(&runner.status());
            let served = serve(stream, |request| answer(request, numbers));
            let _ = timeout(WITHIN, served).await;
        }));
    }
}

/// Serves one connection to its end.
async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: impl Fn(&Request<Incoming>) -> Response<String>,
) -> hyper::Result<()> {
    let service = service_fn(|request| {
        let answer = answer(&request);
        async { Ok::<_, Infallible>(answer) }
    });
    let mut builder = http1::Builder::new();
    builder.keep_alive(false).header_read_timeout(None).max_buf_size(HEAD).max_headers(FIELDS);
    builder.serve_connection(TokioIo::new(stream), service).await
}

fn answer<B>(request: &Request<B>, text: impl FnOnce() -> String) -> Response<String> {
    let mut response = Response::new(String::new());
    let readable = matches!(*request.method(), Method::GET | Method::HEAD);
    match (request.uri().path(), readable) {
        ("/metrics", true) => {
            *response.body_mut() = text();
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        }
        ("/metrics", false) => {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        _ => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn asked(method: Method, path: &str) -> Response<String> {
        let request = Request::builder().method(method).uri(path).body(()).expect("a request");
        answer(&request, || "numbers\n".to_owned())
    }

    #[test]
    fn metrics_alone_are_served() {
        let found = asked(Method::GET, "/metrics");
        assert_eq!((found.status(), found.body().as_str()), (StatusCode::OK, "numbers\n"));
        assert_eq!(found.headers()[CONTENT_TYPE], MEDIA_TYPE);
        assert_eq!(asked(Method::GET, "/metrics?name=x").status(), StatusCode::OK);
        assert_eq!(asked(Method::HEAD, "/metrics").status(), StatusCode::OK);
        for path in ["/", "/metrics/", "/other", "*"] {
            assert_eq!(asked(Method::GET, path).status(), StatusCode::NOT_FOUND, "{path}");
        }
        let refused = asked(Method::POST, "/metrics");
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(refused.headers()[ALLOW], "GET, HEAD");
    }

    /// What comes back for octets on a connection.
    async fn said(octets: &[u8]) -> String {
        let (mut here, there) = tokio::io::duplex(65_536);
        let service = |request: &Request<Incoming>| answer(request, || "numbers\n".to_owned());
        here.write_all(octets).await.expect("room");
        let _ = serve(there, service).await;
        let mut reply = String::new();
        here.read_to_string(&mut reply).await.expect("text");
        reply
    }

    #[tokio::test]
    async fn a_connection_has_one_answer_and_a_bounded_head() {
        let one = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
        let reply = said(one.repeat(2).as_bytes()).await;
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
        assert!(reply.ends_with("\r\n\r\nnumbers\n"), "{reply}");
        assert_eq!(reply.matches("HTTP/1.1").count(), 1, "{reply}");
        let reply = said(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(reply.contains("content-length: 8\r\n") && reply.ends_with("\r\n\r\n"), "{reply}");
        for many in [
            format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", "x".repeat(10_000)),
            format!("GET /metrics HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(FIELDS + 1)),
        ] {
            let reply = said(many.as_bytes()).await;
            assert!(reply.starts_with("HTTP/1.1 431 "), "{reply}");
        }
        let reply = said(b"\x16\x03\x01 nonsense\r\n\r\n").await;
        assert!(reply.starts_with("HTTP/1.1 400 "), "{reply}");
    }
}
