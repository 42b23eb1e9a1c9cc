//! What a pool tells whoever watches a program: events, for `tracing`, and figures, for `metrics`. Without these features
//! there is nothing of it.
//!
//! Nothing of it is on the way of a use: figures are read off the pools once a second by the thread that commits, and the
//! events are those of commits, retirements, and of what opens and fails.

#[cfg(feature = "tracing")]
mod events;
#[cfg(not(feature = "tracing"))]
#[path = "no_events.rs"]
mod events;
#[cfg(feature = "metrics")]
mod figures;
#[cfg(not(feature = "metrics"))]
#[path = "no_figures.rs"]
mod figures;

pub(super) use events::{
    check_failed, checkpoint_failed, checkpoint_written, committing, poisoned, pool_closed, pool_opened,
    retired, store_opened,
};
pub(super) use figures::{committed, pools};
