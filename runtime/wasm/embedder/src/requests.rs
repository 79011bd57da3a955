//! What components may ask others over HTTP: whoever the person's network reaches, and nobody without one.
use std::io::ErrorKind;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::http::uri::{PathAndQuery, Scheme};
use hyper::{Method, Request, Response, Uri};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, timeout};
use wasmtime_wasi::runtime::spawn;
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::trust::{self, Stream};

/// How long connecting, TLS included, and how long silence may take, unless the component says otherwise.
const CONNECT: Duration = Duration::from_secs(60);
const SILENCE: Duration = Duration::from_secs(600);

pub struct Requests {
    pub allowed: bool,
}

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answer = Result<(Response<WasiBody>, Io), Error>;

impl WasiHttpHooks for Requests {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Io,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        if !self.allowed {
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        Box::new(send(request, options.unwrap_or_default()))
    }
}

async fn send(mut request: Request<WasiBody>, options: RequestOptions) -> Answer {
    if request.method() == Method::CONNECT {
        return Err(Error::HttpRequestMethodInvalid);
    }
    let connecting = timeout(options.connect_timeout.unwrap_or(CONNECT), connect(request.uri()));
    let stream = connecting.await.map_err(|_| Error::ConnectionTimeout)??;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It goes on while the answer's body is read, and ends with whoever holds it.
    let worker = spawn(connection);
    // A server is asked for a path; whom it is for stands in the header Host, which is there already.
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    let asked = timeout(options.first_byte_timeout.unwrap_or(SILENCE), sender.send_request(request));
    let answer = asked.await.map_err(|_| Error::ConnectionReadTimeout)??;
    let silence = options.between_bytes_timeout.unwrap_or(SILENCE);
    let answer = answer.map(|body| WasiBody::new(Timed { body, silence, over: Box::pin(sleep(silence)) }));
    Ok((answer, Box::new(async move { Ok(worker.await?) })))
}

async fn connect(to: &Uri) -> Result<Box<dyn Stream>, Error> {
    let authority = to.authority().ok_or(Error::HttpRequestUriInvalid)?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let secret = to.scheme() == Some(&Scheme::HTTPS);
    let port = authority.port_u16().unwrap_or(if secret { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await.map_err(|error| not_connected(&error))?;
    if secret { trust::wrap(host, stream).await } else { Ok(Box::new(stream)) }
}

fn not_connected(error: &std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        ErrorKind::TimedOut => Error::ConnectionTimeout,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Error::DestinationIpUnroutable,
        // What the resolver says has no number.
        _ if error.raw_os_error().is_none() => Error::DnsError { rcode: Some(error.to_string()), info_code: None },
        _ => Error::DestinationUnavailable,
    }
}

/// A body that ends with an error when nothing has come for too long.
struct Timed {
    body: Incoming,
    silence: Duration,
    over: Pin<Box<Sleep>>,
}

impl Body for Timed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            let next = tokio::time::Instant::now() + self.silence;
            self.over.as_mut().reset(next);
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::from)));
        }
        self.over.as_mut().poll(context).map(|()| Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
