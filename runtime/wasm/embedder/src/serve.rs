//! A component of the `wasi:http/proxy` world: an instance for each request, none of which sees another.
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use tokio::net::TcpListener;
use wasmtime::component::Resource;
use wasmtime::{Engine, Result, Store, format_err};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};

use crate::command::{component_ready, component_store};
use crate::confine;
use crate::context::ComponentState;
use crate::failure::{self, Failure, TIMED_OUT};
use crate::settings::Settings;

/// Where it listens, unless its variable PORT says otherwise.
const PORT: u16 = 8080;

struct Server {
    handler: ProxyPre<ComponentState>,
    settings: Settings,
    arguments: Vec<String>,
}

/// Until it is ended. What goes wrong in one request is told in a line, and the next one is answered.
pub async fn serve(engine: &Engine, settings: &Settings, arguments: &[String]) -> Result<(), Failure> {
    let ready = component_ready(engine)?;
    let handler = ProxyPre::new(ready).map_err(|error| Failure::refused(format!("it can't be started: {error:#}")))?;
    let server = Rc::new(Server { handler, settings: settings.clone(), arguments: arguments.to_vec() });
    let listener = listen().await?;
    confine::no_new_code()?;
    let tasks = tokio::task::LocalSet::new();
    tasks
        .run_until(async {
            loop {
                let (client, _) = listener.accept().await?;
                let server = Rc::clone(&server);
                let answering = service_fn(move |request| answer(Rc::clone(&server), request));
                // A client that goes away in the middle is nobody's fault.
                tokio::task::spawn_local(http1::Builder::new().serve_connection(TokioIo::new(client), answering));
            }
        })
        .await
}

async fn listen() -> Result<TcpListener, Failure> {
    let port = match std::env::var("PORT") {
        Ok(text) => text.parse().map_err(|_| Failure::refused(format!("PORT is '{text}', which is no port")))?,
        Err(_) => PORT,
    };
    match TcpListener::bind(("::", port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(("0.0.0.0", port))
            .await
            .map_err(|error| Failure::refused(format!("it can't listen on port {port}: {error}"))),
    }
}

async fn answer(server: Rc<Server>, request: Request<Incoming>) -> Result<Response<HyperOutgoingBody>> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let made = component_store(server.handler.engine(), &server.settings, &server.arguments);
    let mut store = match made {
        Ok(store) => store,
        Err(failure) => {
            failure::tell(&server.arguments[0], &failure);
            return Ok(failed());
        }
    };
    let request = store.data_mut().http().new_incoming_request(Scheme::Http, request)?;
    let out = store.data_mut().http().new_response_outparam(sender)?;
    let name = server.arguments[0].clone();
    // It may go on after its answer has begun.
    let running = tokio::task::spawn_local(async move {
        let time = server.settings.timeout.unwrap_or(Duration::MAX);
        match tokio::time::timeout(time, handle(&server, &mut store, request, out)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failure::tell(&name, &Failure::of_call(&error, store.data().limits.refused)),
            Err(_) => failure::tell(&name, &Failure::told(TIMED_OUT, "a request's --timeout was over".into())),
        }
    });
    if let Ok(answer) = receiver.await {
        return answer.map_err(|code: ErrorCode| format_err!("{code:?}"));
    }
    running.await?;
    Ok(failed())
}

async fn handle(
    server: &Server,
    store: &mut Store<ComponentState>,
    request: Resource<HostIncomingRequest>,
    out: Resource<HostResponseOutparam>,
) -> Result<()> {
    let instance = server.handler.instantiate_async(&mut *store).await?;
    instance.wasi_http_incoming_handler().call_handle(&mut *store, request, out).await
}

/// The answer of a program that gave none.
fn failed() -> Response<HyperOutgoingBody> {
    let mut answer = Response::new(Empty::<Bytes>::new().map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    answer
}
