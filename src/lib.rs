//! A pool of crawler sessions that survives restarts.
mod clock;
mod error;
mod pool;
mod retirement;
mod session;
mod store;

pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{BoxError, Error, Refusal, Result};
pub use pool::*;
pub use retirement::*;
pub use session::*;
pub use store::*;
