//! Reading ahead: while one thread looks at what was read, another reads what comes next.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{Builder, Scope, ScopedJoinHandle};
use std::vec;

use crossbeam_channel::{Receiver, bounded};
use parking_lot::Mutex;

/// What is handed over in one go, and how many of those are read ahead.
const CHUNK: usize = 512;
const CHUNKS: usize = 4;

/// What an iterator yields that runs on another thread.
pub(super) struct Ahead<'scope, I: Iterator> {
    source: Source<'scope, I>,
    chunk: vec::IntoIter<I::Item>,
}

enum Source<'scope, I: Iterator> {
    Thread(Receiver<Vec<I::Item>>, Option<ScopedJoinHandle<'scope, ()>>),
    /// There is no thread to be had.
    Here(Option<I>),
}

impl<'scope, I: Iterator<Item: Send> + Send + 'scope> Ahead<'scope, I> {
    pub(super) fn new(scope: &'scope Scope<'scope, '_>, items: I) -> Self {
        // A thread that cannot be started drops what it was given.
        let items = Arc::new(Mutex::new(Some(items)));
        let (send, receive) = bounded(CHUNKS);
        let theirs = Arc::clone(&items);
        let read = move || {
            let mut items = theirs.lock().take().into_iter().flatten();
            loop {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.extend(items.by_ref().take(CHUNK));
                // It is empty at the end; nobody listens where the other has seen enough.
                if chunk.is_empty() || send.send(chunk).is_err() {
                    break;
                }
            }
        };
        let thread = Builder::new().name("session-pool-read".to_owned()).spawn_scoped(scope, read);
        let source = match thread {
            Ok(thread) => Source::Thread(receive, Some(thread)),
            Err(_) => Source::Here(items.lock().take()),
        };
        Self { source, chunk: Vec::new().into_iter() }
    }
}

impl<I: Iterator> Iterator for Ahead<'_, I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        if let Some(item) = self.chunk.next() {
            return Some(item);
        }
        match &mut self.source {
            Source::Here(items) => items.as_mut()?.next(),
            Source::Thread(chunks, thread) => match chunks.recv() {
                Ok(chunk) => {
                    self.chunk = chunk.into_iter();
                    self.chunk.next()
                }
                Err(_) => {
                    // It has ended, perhaps by a panic, which is as if it had happened here.
                    if let Some(Err(panic)) = thread.take().map(ScopedJoinHandle::join) {
                        resume_unwind(panic);
                    }
                    None
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    use super::*;

    #[test]
    fn everything_comes_in_order_and_a_reader_may_stop_at_any_time() {
        for (length, seen) in [(0, 0), (1, 1), (CHUNK, CHUNK), (20 * CHUNK + 1, usize::MAX), (20 * CHUNK, 3)]
        {
            let read: Vec<usize> = thread::scope(|scope| Ahead::new(scope, 0..length).take(seen).collect());
            assert_eq!(read, (0..length.min(seen)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn stages_can_follow_each_other_and_a_panic_comes_through() {
        let sum = thread::scope(|scope| {
            let even = Ahead::new(scope, (0..10_000_u64).filter(|n| n % 2 == 0));
            Ahead::new(scope, even.map(|n| n + 1)).sum::<u64>()
        });
        assert_eq!(sum, 25_000_000);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            thread::scope(|scope| Ahead::new(scope, (0..5000).inspect(|n| assert!(*n < 3000))).count())
        }));
        assert!(caught.is_err());
    }
}
