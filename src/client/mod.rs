//! A client over [`reqwest`] whose requests are those of sessions (feature `reqwest`).
//!
//! [`SessionClient`] takes a request, waits for a session, sends the request as that session and no other (its cookies, its
//! proxy, its fingerprint, its connections), asks the pool's policy what the answer means, settles the lease, and answers
//! the response with the session and the verdict. What blocks or limits one session is tried again with another.
//!
//! ```no_run
//! # async fn run() -> Result<(), session_pool::BoxError> {
//! use session_pool::client::SessionClient;
//! use session_pool::{Fingerprints, Proxies, SessionPool, Verdict};
//!
//! let pool = SessionPool::builder()
//!     .proxies(Proxies::round_robin(["http://user:secret@proxy-1.example:8000", "http://proxy-2.example:8000"])?)
//!     .fingerprints(Fingerprints::built_in())
//!     .open("sessions")?;
//! let client = SessionClient::new(pool)?;
//!
//! let response = client.get("https://shop.example/").send().await?;
//! println!("{} as {}: {:?}", response.status(), response.session(), response.verdict());
//! if response.verdict() == Verdict::Ok {
//!     println!("{}", response.text());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # One identity
//!
//! - **Connections.** A session has connections of its own: no two sessions share one, nor the tickets by which TLS resumes.
//!   They are kept for the sessions that were used last ([`SessionClientBuilder::max_connected`]), and closed when the
//!   session's [`Retirement`](crate::Retirement) is told.
//! - **Proxy.** Every request leaves through the session's proxy. That of a session without one leaves directly: proxies in
//!   the environment are not asked.
//! - **Headers.** First those of the fingerprint in their order, each with the request's own value where it has one; then
//!   the request's others; the cookies last. A session with a fingerprint asks for the encodings that its browser would ask
//!   for. Hosts come first in plain HTTP, as in browsers; in TLS with HTTP/1 hyper puts them last.
//! - **Cookies** are the session's alone. Redirects are followed here, hop by hop, and each answer on the way is stored
//!   under its own URL. A request may bring none of its own.
//!
//! How the client shakes hands (TLS, the settings of HTTP/2) is that of rustls and hyper, whatever the fingerprint says.
//!
//! # What an answer means
//!
//! | what came | what the pool's policy is asked about | tried again |
//! |---|---|---|
//! | a response | status, headers, body | with another session where it says blocked or rate limited; where it says failed, if the method is idempotent |
//! | a failure | [`Failure`](crate::Failure) and the error | the same |
//!
//! [`SessionClientBuilder::max_retries`] and a budget for all requests together
//! ([`retry_budget`](SessionClientBuilder::retry_budget)) bound that. The last answer is the answer, also where its verdict
//! is a bad one: a response is `Ok`, whatever its status; also where it would have been tried again and no session was to be
//! had in time. A request that is [pinned](ClientRequest::session) to a session is tried again with that one only, after its
//! rest, and not at all where it was blocked or rests for longer than a request [waits](SessionClientBuilder::acquire_timeout).
//!
//! A body that is streamed to the server can be sent once: it is not tried again, and a redirect that would repeat it (307,
//! 308) is answered as it is.
//!
//! # Logging in
//!
//! A session that is being created has no pool yet. [`Newcomer`] sends its requests with the proxy, the fingerprint and the
//! cookies in its [`SessionOptions`](crate::SessionOptions), and keeps in them what cookies it gets.
//!
//! ```no_run
//! use session_pool::SessionPool;
//! use session_pool::client::{SessionClient, Transport};
//!
//! # fn run() -> Result<(), session_pool::BoxError> {
//! let transport = Transport::new()?;
//! let log_in = transport.clone();
//! let pool = SessionPool::builder()
//!     .create_with_async(move |options| {
//!         let log_in = log_in.clone();
//!         async move {
//!             let newcomer = log_in.newcomer(options)?;
//!             let answer = newcomer.post("https://shop.example/login").form(&[("user", "me")]).send().await?;
//!             answer.error_for_status()?;
//!             Ok(newcomer.into_options())
//!         }
//!     })
//!     .open("sessions")?;
//! let client = SessionClient::builder(pool).transport(transport).build()?;
//! # Ok(())
//! # }
//! ```
//!
//! Whether a session that came back after a restart is still logged in can be checked before it is handed out
//! ([`PoolBuilder::check_with_async`](crate::PoolBuilder::check_with_async)), with a [`Visitor`]. The example `login` does
//! both.

mod body;
mod builder;
mod connections;
mod course;
mod error;
mod exchange;
mod failure;
mod identity;
mod newcomer;
mod redirect;
mod request;
mod response;
mod retry;
mod send;
mod stream;
mod transport;
mod visitor;

pub use builder::SessionClientBuilder;
pub use error::{ClientError, FailedRequest};
pub use newcomer::Newcomer;
pub use request::ClientRequest;
pub use response::{ClientResponse, SessionResponse, Visit};
pub use send::SessionClient;
pub use stream::StreamedResponse;
pub use transport::{Transport, TransportBuilder};
pub use visitor::Visitor;
// Their types stand in public signatures.
pub use {bytes, reqwest, rustls, tower_service};
