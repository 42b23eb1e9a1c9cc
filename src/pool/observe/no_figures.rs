//! Nobody asks for figures.

use std::time::Duration;

use crate::pool::core::PoolCore;

pub(in crate::pool) fn committed(_: usize, _: Duration) {}

pub(in crate::pool) fn pools<'a>(_: impl Iterator<Item = &'a PoolCore>) {}
