//! How a pool is opened.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use super::check::Check;
use super::checkpoint::Checkpoints;
use super::config::{Durability, Growth, RestoredLimits, Retention, Strategy};
use super::core::{Entry, PoolCore};
use super::directory::Directory;
use super::handle::{Create, PolicyFn, PoolHandle};
use super::observe;
use super::opening::Opening;
use super::payloads::Payloads;
use super::policy::HostRules;
use super::report::OpenReport;
use super::session_store::SessionStore;
use super::store_builder::SessionStoreBuilder;
use super::time::{Now, PoolTime};
use super::{BackOff, CheckAfter, SessionPool};
use crate::clock::{Clock, SystemClock};
use crate::error::{BoxError, Result};
use crate::identity::{Fingerprints, Identities, Proxies};
use crate::inspect::newest_retirement;
use crate::retirement::Broadcast;
use crate::session::{Invalid, Limits, Reply, SessionOptions, State, StatusRules, Timestamp, Verdict};
use crate::store::{PoolEntry, PoolName, Unreadable};

/// How a pool is opened: every option with its default.
///
/// | option | default |
/// |---|---|
/// | [`name`](Self::name) | `default` |
/// | [`max_pool_size`](Self::max_pool_size) | 1000 live sessions |
/// | [`session_options`](Self::session_options) | those of [`SessionOptions`] |
/// | [`strategy`](Self::strategy) | [`Strategy::Random`] |
/// | [`growth`](Self::growth) | [`Growth::FillFirst`] |
/// | [`durability`](Self::durability) | [`Durability::Buffered`], 50 ms |
/// | [`create_with`](Self::create_with) | nothing beyond the session options |
/// | [`check_with`](Self::check_with) | no session is checked |
/// | [`back_off`](Self::back_off) | from 1 s to 5 min |
/// | [`proxies`](Self::proxies) | none: the proxy of the session options, if any |
/// | [`fingerprints`](Self::fingerprints) | none: the fingerprint of the session options, if any |
/// | [`status_rules`](Self::status_rules) | those of [`StatusRules`]: 401, 403 retire; 429, and 503 with Retry-After, rest; 407, 408, 5xx fail |
/// | [`status_rules_for`](Self::status_rules_for) | no host has its own |
/// | [`response_policy`](Self::response_policy) | the status rules alone |
/// | [`restored_limits`](Self::restored_limits) | [`RestoredLimits::Stored`] |
/// | [`retired_retention`](Self::retired_retention) | 7 days, 10,000 sessions |
/// | [`log_retention`](Self::log_retention) | 60 days, 1,000,000 entries |
/// | [`channel_capacity`](Self::channel_capacity) | 1024 events a subscriber |
/// | [`checkpoints`](Self::checkpoints) | every 15 minutes, the last three |
/// | [`store`](Self::store) | those of [`SessionStoreBuilder`] |
/// | [`clock`](Self::clock) | [`SystemClock`] |
#[must_use = "a builder does nothing until it opens a pool"]
pub struct PoolBuilder {
    name: String,
    max_pool_size: usize,
    session_options: SessionOptions,
    strategy: Strategy,
    growth: Growth,
    durability: Durability,
    create: Option<Create>,
    identities: Identities,
    status_rules: HostRules,
    policy: Option<Box<PolicyFn>>,
    pub(super) check: Option<(CheckAfter, Check)>,
    pub(super) back_off: BackOff,
    restored_limits: RestoredLimits,
    retired_retention: Retention,
    log_retention: Retention,
    channel_capacity: usize,
    clock: Arc<dyn Clock>,
    /// How the pool's own store is opened; `None` where nothing was said.
    store: Option<SessionStoreBuilder>,
}

impl Default for PoolBuilder {
    fn default() -> Self {
        Self {
            name: PoolName::default().as_str().to_owned(),
            max_pool_size: Self::DEFAULT_MAX_POOL_SIZE,
            session_options: SessionOptions::default(),
            strategy: Strategy::default(),
            growth: Growth::default(),
            durability: Durability::default(),
            create: None,
            identities: Identities::default(),
            status_rules: HostRules::default(),
            policy: None,
            check: None,
            back_off: BackOff::default(),
            restored_limits: RestoredLimits::default(),
            retired_retention: Retention::DEFAULT_SESSIONS,
            log_retention: Retention::DEFAULT_LOG,
            channel_capacity: Self::DEFAULT_CHANNEL_CAPACITY,
            clock: Arc::new(SystemClock),
            store: None,
        }
    }
}

impl PoolBuilder {
    /// How many live sessions a pool may have where nothing else is said.
    pub const DEFAULT_MAX_POOL_SIZE: usize = 1000;
    /// How many live sessions a pool may be told to have at most: 2^31.
    pub const MAX_MAX_POOL_SIZE: usize = 1 << 31;
    /// How many events a subscriber can be behind where nothing else is said.
    pub const DEFAULT_CHANNEL_CAPACITY: usize = 1024;
    /// How many events a subscriber may be told to be behind at most. The channel's memory is taken at once.
    pub const MAX_CHANNEL_CAPACITY: usize = 1 << 20;
    /// The longest that a change may be told to wait for others, in [`Durability::Buffered`].
    pub const MAX_MAX_DELAY: Duration = Duration::from_secs(3600);

    /// The pool's name in its store. Default: `default`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How many live sessions it may have, from 1 to 2^31. Retired ones do not count (R-10). Default: 1000.
    pub fn max_pool_size(mut self, sessions: usize) -> Self {
        self.max_pool_size = sessions;
        self
    }

    /// What its sessions are made from. Default: the defaults of [`SessionOptions`].
    pub fn session_options(mut self, options: SessionOptions) -> Self {
        self.session_options = options;
        self
    }

    /// Which session is handed out next. Default: [`Strategy::Random`].
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// When a session is created on demand. Default: [`Growth::FillFirst`].
    pub fn growth(mut self, growth: Growth) -> Self {
        self.growth = growth;
        self
    }

    /// What it takes for a call to return. Default: [`Durability::Buffered`] with 50 ms.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// What is done to create a session on demand: log in, and answer the options with what came of it.
    ///
    /// It may take its time, and runs while other threads go on; at most as many at a time as the pool has room for
    /// (R-10). Where it fails, whoever asked gets [`Error::CreateFailed`](crate::Error::CreateFailed), and the place is
    /// free again; others are created after a [back-off](Self::back_off). It is called for sessions created after a restart too, and never for those that came back.
    pub fn create_with<F>(mut self, create: F) -> Self
    where
        F: Fn(SessionOptions) -> Result<SessionOptions, BoxError> + Send + Sync + 'static,
    {
        self.create = Some(Create::Blocking(Box::new(create)));
        self
    }

    /// The same as a task (feature `async`): for a log-in by an async client. Sessions are then created by
    /// [`acquire_async`](SessionPool::acquire_async) alone; the other ways of acquiring answer
    /// [`Error::CreateIsAsync`](crate::Error::CreateIsAsync) where they would have to create one. A task that is dropped
    /// while it creates one gives its place back.
    ///
    /// ```
    /// # async fn log_in() -> Result<String, std::io::Error> { Ok("token".to_owned()) }
    /// use session_pool::SessionPool;
    ///
    /// let pool = SessionPool::builder()
    ///     .create_with_async(|options| async move { Ok(options.user_data("token", log_in().await?)) })
    ///     .open_in_memory()?;
    /// # Ok::<(), session_pool::Error>(())
    /// ```
    #[cfg(feature = "async")]
    pub fn create_with_async<F, T>(mut self, create: F) -> Self
    where
        F: Fn(SessionOptions) -> T + Send + Sync + 'static,
        T: Future<Output = Result<SessionOptions, BoxError>> + Send + 'static,
    {
        self.create = Some(Create::Task(Box::new(move |options| Box::pin(create(options)))));
        self
    }

    /// Where the proxies of new sessions come from. Default: none, so that a session has that of its options, if any.
    ///
    /// They are asked once for each session: for one that is created on demand before the create function runs, which finds
    /// the proxy in its options, and for one that is added ([`SessionPool::add`]) where its options have none. They are
    /// never asked for sessions that come back, which are as they were stored: also without a proxy, where the pool had
    /// none to give then.
    ///
    /// The create function may put another proxy in its place; taking it away is an error. Where a proxy depends on the
    /// session's id (a template's, a function's), the create function finds the id in its options, too; where it then gives
    /// another id, the proxy stays as it is.
    ///
    /// Where they fail, whoever asked gets [`Error::NoProxy`](crate::Error::NoProxy), and the place is free again. They
    /// may not be given together with a proxy in the [`session_options`](Self::session_options).
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.identities.proxies = Some(proxies);
        self
    }

    /// Where the fingerprints of new sessions come from, as [`proxies`](Self::proxies) do. Default: none, so that a session
    /// has that of its options, if any.
    ///
    /// Where they fail, whoever asked gets [`Error::NoFingerprint`](crate::Error::NoFingerprint).
    pub fn fingerprints(mut self, fingerprints: Fingerprints) -> Self {
        self.identities.fingerprints = Some(fingerprints);
        self
    }

    /// What an HTTP status says about a session. Default: the defaults of [`StatusRules`].
    pub fn status_rules(mut self, rules: StatusRules) -> Self {
        self.status_rules.set(rules);
        self
    }

    /// The same for `host`, a name or an address, and for the hosts below it; of several the nearest holds. Default: no
    /// host has rules of its own.
    pub fn status_rules_for(mut self, host: impl AsRef<str>, rules: StatusRules) -> Self {
        self.status_rules.set_for(host.as_ref(), rules);
        self
    }

    /// What a reply says about a session, where a status is not enough: some sites answer 200 with a captcha. The rules
    /// that hold for its host are given; [`StatusRules::verdict`] is what they say. Where it panics, the use it was asked
    /// about has failed (R-9). Default: those rules.
    ///
    /// ```
    /// use session_pool::{SessionPool, Verdict};
    ///
    /// let pool = SessionPool::builder()
    ///     .response_policy(|reply, rules| match reply.header("x-captcha") {
    ///         Some(_) => Verdict::Blocked,
    ///         None => rules.verdict(reply),
    ///     })
    ///     .open_in_memory()?;
    /// # Ok::<(), session_pool::Error>(())
    /// ```
    pub fn response_policy<F>(mut self, policy: F) -> Self
    where
        F: Fn(&Reply<'_>, &StatusRules) -> Verdict + Send + Sync + 'static,
    {
        self.policy = Some(Box::new(policy));
        self
    }

    /// Which limits hold for sessions that come back. Default: those they were stored with.
    pub fn restored_limits(mut self, limits: RestoredLimits) -> Self {
        self.restored_limits = limits;
        self
    }

    /// How long retired sessions are kept, at most as long as the log. Default: 7 days, 10,000 sessions.
    pub fn retired_retention(mut self, retention: Retention) -> Self {
        self.retired_retention = retention;
        self
    }

    /// How long the retirement log is kept, at least as long as the retired sessions. Default: 60 days, 1,000,000
    /// entries.
    pub fn log_retention(mut self, retention: Retention) -> Self {
        self.log_retention = retention;
        self
    }

    /// How many events a subscriber can be behind before it misses some, from 1 to 2^20. Default: 1024.
    pub fn channel_capacity(mut self, events: usize) -> Self {
        self.channel_capacity = events;
        self
    }

    /// Where the time comes from. Default: [`SystemClock`], which is steady.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Whether and when the pool's own store writes [checkpoints](Checkpoints). Default: every 15 minutes, the last three
    /// of them.
    pub fn checkpoints(mut self, checkpoints: Option<Checkpoints>) -> Self {
        self.store = Some(self.store.unwrap_or_default().checkpoints(checkpoints));
        self
    }

    /// How the pool's own store is opened: with another cache, or encrypted. Default: the defaults of
    /// [`SessionStoreBuilder`]. A store that pools share is opened before them.
    pub fn store(mut self, store: SessionStoreBuilder) -> Self {
        self.store = Some(store);
        self
    }

    /// Opens the pool in a store of its own in the directory `path`, which is created where there is none.
    ///
    /// # Errors
    ///
    /// As [`PoolBuilder::open_in`] and [`SessionStoreBuilder::open`].
    pub fn open(mut self, path: impl AsRef<Path>) -> Result<SessionPool> {
        // Before anything is created.
        self.check()?;
        let store = self.store.take().unwrap_or_default().open(path)?;
        self.open_in(&store)
    }

    /// Opens the pool in memory: it is gone with its last handle. For tests.
    ///
    /// # Errors
    ///
    /// As [`PoolBuilder::open_in`]; [`Error::Thread`](crate::Error::Thread).
    pub fn open_in_memory(self) -> Result<SessionPool> {
        self.check()?;
        self.open_in(&SessionStore::in_memory()?)
    }

    /// Opens the pool in a store that it shares with others. Its live sessions come back; those that have meanwhile
    /// grown too old are retired.
    ///
    /// # Errors
    ///
    /// - [`Error::Invalid`](crate::Error::Invalid): an option breaks its rule, or is one of the store's, which is open.
    /// - [`Error::AlreadyOpen`](crate::Error::AlreadyOpen): the pool is open in this store.
    /// - [`Error::Store`](crate::Error::Store): the store cannot be read.
    /// - [`Error::Poisoned`](crate::Error::Poisoned): a write of the store has failed.
    pub fn open_in(self, store: &SessionStore) -> Result<SessionPool> {
        let (name, limits) = self.check()?;
        if self.store.is_some() {
            let rule = "must not be given for a store that is open already";
            return Err(Invalid::new("store or checkpoints", "given", rule).into());
        }
        store.committer().check()?;
        let (entry, is_new) = store.take(&name)?;
        let opening = Opening { store, name: &name, is_new, is_done: false };
        let restored = match self.restored_limits {
            RestoredLimits::Stored => None,
            RestoredLimits::Current => Some(limits),
        };
        let (mut time, now) = PoolTime::new(Arc::clone(&self.clock));
        let (directory, mut report, now) = self.restore(store, &entry, restored, &mut time, now)?;
        if is_new {
            // Perhaps it is not, and its entry is one of those.
            store.unreadable_pools().iter().for_each(|item| report.note_unreadable(item.clone()));
        }
        // What has expired until then was retired. What expires at that very moment, too.
        Ok(self.start(opening, entry, directory, report, time, now.pool()))
    }

    fn check(&self) -> Result<(PoolName, Limits), Invalid> {
        let name = self.name.parse()?;
        if !(1..=Self::MAX_MAX_POOL_SIZE).contains(&self.max_pool_size) {
            let rule = "must be from 1 to 2147483648";
            return Err(Invalid::new("max_pool_size", self.max_pool_size, rule));
        }
        if !(1..=Self::MAX_CHANNEL_CAPACITY).contains(&self.channel_capacity) {
            let rule = "must be from 1 to 1048576";
            return Err(Invalid::new("channel_capacity", self.channel_capacity, rule));
        }
        if let Durability::Buffered { max_delay } = self.durability
            && max_delay > Self::MAX_MAX_DELAY
        {
            return Err(Invalid::new("max_delay", format_args!("{max_delay:?}"), "must be at most 3600 s"));
        }
        self.back_off.check()?;
        self.status_rules.check()?;
        self.retired_retention.check_with_log(self.log_retention)?;
        self.session_options.check_template()?;
        self.identities.check(&self.session_options)?;
        Ok((name, self.session_options.limits()?))
    }

    /// Reads the live sessions of the pool. What cannot be read is left alone and reported (I-7). Where the store knows
    /// of a later time than the clock does, the pool goes on from there (T-3).
    fn restore(
        &self,
        store: &SessionStore,
        entry: &PoolEntry,
        limits: Option<Limits>,
        time: &mut PoolTime,
        now: Now,
    ) -> Result<(Directory, OpenReport, Now)> {
        let mut directory = Directory::new(self.strategy, self.growth, self.max_pool_size);
        directory.checks = self.check.as_ref().map(|(after, _)| *after);
        directory.creations.back_off = self.back_off;
        let mut report = OpenReport { store: store.open_report(), ..OpenReport::default() };
        let mut sessions = Vec::new();
        let mut newest = newest_retirement(store.store(), entry)?;
        store.store().visit_by_state(entry.number, State::Live, &mut |item| {
            match item {
                Ok((id, record)) if record.retired.is_some() => report.note_unreadable(Unreadable {
                    item: "entry of the index by state",
                    pool: Some(entry.number),
                    key: id.as_str().as_bytes().to_vec(),
                    rule: "it says live, and the session is retired".to_owned(),
                }),
                Ok(session) => {
                    newest = newest.max(session.1.newest_time());
                    match self.strategy {
                        Strategy::Random => directory.restore(session),
                        _ => sessions.push(session),
                    }
                }
                Err(unreadable) => report.note_unreadable(unreadable),
            }
            ControlFlow::Continue(())
        })?;
        // The queue goes on as it was: who was idle longest comes first, or whoever was in use last.
        sessions.sort_by_key(|(_, record)| (record.last_used_at, record.created_at));
        if self.strategy == Strategy::UntilFailure {
            sessions.reverse();
        }
        for session in sessions {
            directory.restore(session);
        }
        let now = time.go_on_from(newest, now);
        report.ahead_of_clock = now.ahead;
        directory.begin(limits, now.pool());
        let retired: u64 = directory.tally.retired.iter().sum();
        report.restored = directory.counts().live;
        report.retired = usize::try_from(retired).unwrap_or(usize::MAX);
        Ok((directory, report, now))
    }

    fn start(
        self,
        mut opening: Opening<'_>,
        entry: PoolEntry,
        directory: Directory,
        report: OpenReport,
        time: PoolTime,
        swept_through: Timestamp,
    ) -> SessionPool {
        let (store, is_new) = (opening.store, opening.is_new);
        let core = Arc::new(PoolCore {
            name: entry.name.clone(),
            number: entry.number,
            committer: Arc::clone(store.committer()),
            time,
            durability: self.durability,
            session_options: self.session_options,
            status_rules: self.status_rules,
            retired_retention: self.retired_retention,
            log_retention: self.log_retention,
            broadcast: Arc::new(Broadcast::new(self.channel_capacity)),
            directory: Mutex::new(directory),
            payloads: Payloads::new(entry.number, Arc::clone(&store.committer().recent_payloads)),
            entry: Mutex::new(Entry { pool: entry, is_dirty: is_new }),
            swept_through: AtomicI64::new(swept_through.as_millis()),
            forgetting: RwLock::default(),
            spare_dirty: Mutex::default(),
        });
        core.committer.register(&core);
        core.announce();
        opening.is_done = true;
        observe::pool_opened(&core.name, &report);
        let (create, identities, policy) = (self.create, self.identities, self.policy);
        let check = self.check.map(|(_, check)| check);
        SessionPool::new(PoolHandle { core, store: store.clone(), create, identities, policy, check }, report)
    }
}

impl fmt::Debug for PoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolBuilder")
            .field("name", &self.name)
            .field("max_pool_size", &self.max_pool_size)
            .field("session_options", &self.session_options)
            .field("strategy", &self.strategy)
            .field("growth", &self.growth)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}
