//! A site on loopback that shows its pages to those who have logged in.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{COOKIE, HeaderValue, SET_COOKIE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

#[derive(Clone)]
pub(crate) struct Members {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// The name of a member by the value of the cookie.
    cookies: Mutex<HashMap<String, String>>,
    log_ins: AtomicU32,
    pages_read: AtomicU32,
    refused: AtomicU32,
}

impl Members {
    pub(crate) async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let site = Self { address: listener.local_addr()?, state: Arc::default() };
        let state = Arc::clone(&site.state);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                let service = service_fn(move |request| {
                    let state = Arc::clone(&state);
                    async move { Ok::<_, Infallible>(state.serve(request).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
            }
        });
        Ok(site)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Logs a member out, without telling anybody.
    pub(crate) fn forget(&self, name: &str) {
        self.state.cookies().retain(|_, member| member != name);
    }

    pub(crate) fn log_ins(&self) -> u32 {
        self.state.log_ins.load(Ordering::Relaxed)
    }

    pub(crate) fn pages_read(&self) -> u32 {
        self.state.pages_read.load(Ordering::Relaxed)
    }

    /// How many pages were asked for by those who are not logged in.
    pub(crate) fn refused(&self) -> u32 {
        self.state.refused.load(Ordering::Relaxed)
    }
}

impl State {
    fn cookies(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(&self, request: Request<Incoming>) -> Response<String> {
        let path = request.uri().path().to_owned();
        let cookie = request.headers().get(COOKIE).and_then(|cookie| cookie.to_str().ok());
        let value = cookie.and_then(|cookie| cookie.strip_prefix("member="));
        let member = value.and_then(|value| self.cookies().get(value).cloned());
        match (path.as_str(), member) {
            ("/login", _) => self.log_in(request).await,
            ("/account", Some(member)) => answer(StatusCode::OK, member),
            ("/page", Some(member)) => {
                self.pages_read.fetch_add(1, Ordering::Relaxed);
                answer(StatusCode::OK, member)
            }
            ("/page", None) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                answer(StatusCode::UNAUTHORIZED, "log in first")
            }
            ("/account", None) => answer(StatusCode::UNAUTHORIZED, "log in first"),
            _ => answer(StatusCode::NOT_FOUND, "no such page"),
        }
    }

    async fn log_in(&self, request: Request<Incoming>) -> Response<String> {
        let form = match request.into_body().collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return answer(StatusCode::BAD_REQUEST, "a form is missing"),
        };
        let form = String::from_utf8_lossy(&form).into_owned();
        let Some(name) =
            form.strip_prefix("name=").and_then(|rest| rest.strip_suffix("&password=open+sesame"))
        else {
            return answer(StatusCode::UNAUTHORIZED, "a wrong name or password");
        };
        let number = self.log_ins.fetch_add(1, Ordering::Relaxed);
        self.cookies().insert(number.to_string(), name.to_owned());
        let mut welcome = answer(StatusCode::OK, "welcome");
        if let Ok(cookie) = HeaderValue::try_from(format!("member={number}; Path=/; HttpOnly")) {
            welcome.headers_mut().insert(SET_COOKIE, cookie);
        }
        welcome
    }
}

fn answer(status: StatusCode, body: impl Into<String>) -> Response<String> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
}
