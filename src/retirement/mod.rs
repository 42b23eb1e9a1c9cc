//! Retirements: the event, its broadcast to whoever listens, and the durable log behind it.

mod broadcast;
mod event;
mod log;
#[cfg(feature = "async")]
mod stream;

pub(crate) use broadcast::Broadcast;
pub use broadcast::Subscription;
pub use event::Retirement;
pub use log::RetirementLog;
#[cfg(feature = "async")]
pub use stream::RetirementStream;
