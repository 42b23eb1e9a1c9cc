//! Retirements: the event, its broadcast to whoever listens, and the durable log behind it.

mod broadcast;
mod event;
mod log;

pub(crate) use broadcast::Broadcast;
pub use broadcast::Subscription;
pub use event::Retirement;
pub use log::RetirementLog;
