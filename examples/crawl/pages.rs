//! Which pages were found and which are done, in memory and in a file: a line a page found, and one a page done.

use std::collections::{HashSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::sync::Notify;

pub(crate) struct Pages {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    found: HashSet<String>,
    done: HashSet<String>,
    waiting: VecDeque<String>,
    /// Pages that are being fetched, each of which may lead to more.
    under_way: usize,
    file: File,
}

impl Pages {
    /// Reads what an earlier run has written. A line that a kill cut short is passed over.
    pub(crate) fn open(path: &Path, start: &str) -> io::Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let (mut found, mut done) = (HashSet::new(), HashSet::new());
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            match line.split_once(' ') {
                Some(("found", page)) => drop(found.insert(page.to_owned())),
                Some(("done", page)) => drop(done.insert(page.to_owned())),
                _ => {}
            }
        }
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        found.insert(start.to_owned());
        let waiting = found.difference(&done).cloned().collect();
        let state = State { found, done, waiting, under_way: 0, file };
        Ok(Self { state: Mutex::new(state), changed: Notify::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are done, and how many are known.
    pub(crate) fn progress(&self) -> (usize, usize) {
        let state = self.lock();
        (state.done.len(), state.found.len())
    }

    /// The next page to fetch; `None` when all are done.
    pub(crate) async fn next(&self) -> Option<String> {
        loop {
            // Before the look: what changes in between is heard of.
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Poll::Ready(next) = self.look() {
                return next;
            }
            changed.await;
        }
    }

    /// The next page, or that there is none any more; pending where one under way may lead to others.
    fn look(&self) -> Poll<Option<String>> {
        let mut state = self.lock();
        match state.waiting.pop_front() {
            Some(page) => {
                state.under_way += 1;
                Poll::Ready(Some(page))
            }
            None if state.under_way == 0 => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    /// The page could not be fetched this time.
    pub(crate) fn again(&self, page: String) {
        let mut state = self.lock();
        state.under_way -= 1;
        state.waiting.push_back(page);
        self.changed.notify_waiters();
    }

    /// The page is done, and leads to these.
    pub(crate) fn done(&self, page: String, links: Vec<String>) -> io::Result<()> {
        let mut state = self.lock();
        let mut log = String::new();
        for link in links {
            if state.found.insert(link.clone()) {
                log.extend(["found ", &link, "\n"]);
                state.waiting.push_back(link);
            }
        }
        // First what was found, then that it is done: cut short anywhere, nothing is lost.
        log.extend(["done ", &page, "\n"]);
        state.file.write_all(log.as_bytes())?;
        state.done.insert(page);
        state.under_way -= 1;
        self.changed.notify_waiters();
        Ok(())
    }
}
