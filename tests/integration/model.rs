//! A pool against a plain model of it: random operations, time steps and restarts, over both stores.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use session_pool::{
    Error, Growth, Lease, ManualClock, Outcome, Reason, Refusal, Retention, Sequence, Session,
    SessionOptions, SessionPool, Strategy as PoolStrategy, Timestamp,
};

use crate::support::{Place, clock, id};

const MAX_POOL_SIZE: usize = 6;

#[derive(Debug, Clone)]
enum Operation {
    Acquire,
    AcquireById(usize),
    Settle(usize, How),
    Mark(usize, How),
    Rest(usize, u32),
    SetUserData(usize, u32),
    Add(Box<Given>),
    Advance(u32),
    Sweep,
    Flush,
    Forget,
    Reopen,
}

#[derive(Debug, Clone, Copy)]
enum How {
    Reclaim,
    Fail,
    Retire,
    Rest(u32),
    Release,
    Drop,
    /// Through the lease's session, then dropped.
    FailThenDrop,
}

#[derive(Debug, Clone)]
struct Given {
    max_usage_count: u32,
    max_concurrent_uses: Option<u32>,
    max_error_score: u32,
    decrement: u32,
    max_age: u32,
}

fn how() -> impl proptest::strategy::Strategy<Value = How> {
    prop_oneof![
        6 => Just(How::Reclaim),
        4 => Just(How::Fail),
        1 => Just(How::Retire),
        1 => (1..40_u32).prop_map(How::Rest),
        1 => Just(How::Release),
        1 => Just(How::Drop),
        1 => Just(How::FailThenDrop),
    ]
}

fn operation() -> impl proptest::strategy::Strategy<Value = Operation> {
    let given = (1..8_u32, proptest::option::of(1..3_u32), 1..40_u32, 0..30_u32, 5..90_u32).prop_map(
        |(max_usage_count, max_concurrent_uses, max_error_score, decrement, max_age)| {
            Operation::Add(Box::new(Given {
                max_usage_count,
                max_concurrent_uses,
                max_error_score,
                decrement,
                max_age,
            }))
        },
    );
    prop_oneof![
        12 => Just(Operation::Acquire),
        2 => (0..12_usize).prop_map(Operation::AcquireById),
        12 => (0..8_usize, how()).prop_map(|(n, how)| Operation::Settle(n, how)),
        3 => (0..12_usize, how()).prop_map(|(n, how)| Operation::Mark(n, how)),
        1 => (0..12_usize, 1..40_u32).prop_map(|(n, s)| Operation::Rest(n, s)),
        2 => (0..12_usize, any::<u32>()).prop_map(|(n, v)| Operation::SetUserData(n, v)),
        4 => given,
        4 => (1..20_u32).prop_map(Operation::Advance),
        1 => Just(Operation::Sweep),
        1 => Just(Operation::Flush),
        1 => Just(Operation::Forget),
        1 => Just(Operation::Reopen),
    ]
}

/// What the model knows of a session: the rules written down once more, as plainly as can be.
#[derive(Debug, Clone)]
struct Plain {
    created: Timestamp,
    expires: Timestamp,
    usage: u32,
    errors: u32,
    score: i64,
    max_usage: u32,
    max_concurrent: u32,
    max_score: i64,
    decrement: i64,
    resting_until: Option<Timestamp>,
    retired: Option<Reason>,
    user_data: Option<u32>,
    in_flight: u32,
}

impl Plain {
    fn settle(&mut self, how: How, now: Timestamp) -> Outcome {
        if let Some(reason) = self.retired {
            return Outcome::AlreadyRetired(reason);
        }
        self.usage += 1;
        match how {
            How::Reclaim => self.score = (self.score - self.decrement).max(0),
            How::Fail | How::Drop | How::FailThenDrop => {
                self.errors += 1;
                self.score += 1000;
            }
            How::Retire => {
                self.errors += 1;
                self.score = self.score.max(self.max_score);
                self.retired = Some(Reason::Retired);
                return Outcome::Retired(Reason::Retired);
            }
            How::Rest(seconds) => self.rest(later(now, seconds)),
            How::Release => {}
        }
        let reason = if self.score >= self.max_score {
            Some(Reason::Blocked)
        } else if self.usage >= self.max_usage {
            Some(Reason::Exhausted)
        } else if now >= self.expires {
            Some(Reason::Expired)
        } else {
            None
        };
        self.retired = reason;
        reason.map_or(Outcome::Live, Outcome::Retired)
    }

    fn rest(&mut self, until: Timestamp) {
        self.resting_until = Some(self.resting_until.map_or(until, |old| old.max(until)));
    }

    fn is_available(&self, now: Timestamp) -> bool {
        self.retired.is_none()
            && now < self.expires
            && self.resting_until.is_none_or(|until| now >= until)
            && self.in_flight < self.max_concurrent
            && self.usage + self.in_flight < self.max_usage
    }
}

fn later(now: Timestamp, seconds: u32) -> Timestamp {
    now.plus(std::time::Duration::from_secs(u64::from(seconds)))
}

struct Test {
    place: Place,
    clock: ManualClock,
    growth: Growth,
    strategy: PoolStrategy,
    pool: SessionPool,
    leases: Vec<Lease>,
    model: BTreeMap<String, Plain>,
    names: u32,
}

impl Test {
    fn new(place: Place, growth: Growth, strategy: PoolStrategy) -> Self {
        let clock = clock();
        let pool = Self::open(&place, &clock, growth, strategy);
        Self { place, clock, growth, strategy, pool, leases: Vec::new(), model: BTreeMap::new(), names: 0 }
    }

    fn open(place: &Place, clock: &ManualClock, growth: Growth, strategy: PoolStrategy) -> SessionPool {
        place.open(|b| {
            let limits = SessionOptions {
                max_usage_count: 4,
                max_concurrent_uses: Some(2),
                max_error_score: 2.0,
                max_age: std::time::Duration::from_secs(60),
                ..SessionOptions::default()
            };
            b.clock(clock.clone())
                .growth(growth)
                .strategy(strategy)
                .max_pool_size(MAX_POOL_SIZE)
                .session_options(limits)
                .retired_retention(Retention::UNLIMITED)
                .log_retention(Retention::UNLIMITED)
        })
    }

    fn now(&self) -> Timestamp {
        session_pool::Clock::now(&self.clock).into()
    }

    fn live(&self) -> usize {
        self.model.values().filter(|session| session.retired.is_none()).count()
    }

    /// The n-th session there ever was, if there were so many.
    fn nth(&self, n: usize) -> Option<String> {
        self.model.keys().nth(n).cloned()
    }

    fn expire(&mut self) {
        let now = self.now();
        for session in self.model.values_mut().filter(|session| session.retired.is_none()) {
            if now >= session.expires {
                session.retired = Some(Reason::Expired);
            }
        }
    }

    /// Whoever the pool found to have expired on its way, or its store's own sweeper, is retired in the model as well.
    fn follow_expiries(&mut self) {
        let now = self.now();
        for (name, session) in &mut self.model {
            if session.retired.is_none()
                && now >= session.expires
                && self.pool.get(&id(name)).unwrap().is_retired()
            {
                session.retired = Some(Reason::Expired);
            }
        }
    }

    fn acquire(&mut self) {
        let now = self.now();
        let live_before = self.live();
        let available: BTreeSet<String> = self
            .model
            .iter()
            .filter(|(_, session)| session.is_available(now))
            .map(|(name, _)| name.clone())
            .collect();
        let answer = self.pool.acquire();
        self.follow_expiries();
        match answer {
            Ok(lease) => {
                let name = lease.id().to_string();
                if let Some(session) = self.model.get_mut(&name) {
                    assert!(available.contains(&name), "R-8: {name} was not available");
                    session.in_flight += 1;
                } else {
                    assert!(self.growth != Growth::Manual && self.live() < MAX_POOL_SIZE, "R-10");
                    if self.growth == Growth::ReuseFirst {
                        assert!(available.is_empty(), "ReuseFirst creates only when it must");
                    }
                    let session = Plain {
                        created: now,
                        expires: later(now, 60),
                        usage: 0,
                        errors: 0,
                        score: 0,
                        max_usage: 4,
                        max_concurrent: 2,
                        max_score: 2000,
                        decrement: 500,
                        resting_until: None,
                        retired: None,
                        user_data: None,
                        in_flight: 1,
                    };
                    self.model.insert(name, session);
                }
                self.leases.push(lease);
            }
            Err(Error::Refused(Refusal::NoneAvailable { live, .. })) => {
                assert!(available.is_empty(), "{available:?} could have been handed out");
                assert_eq!(live, self.live());
                assert!(self.growth == Growth::Manual || live_before >= MAX_POOL_SIZE);
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn acquire_by_id(&mut self, name: &str) {
        let now = self.now();
        let answer = self.pool.acquire_by_id(&id(name));
        self.follow_expiries();
        let session = self.model.get_mut(name).unwrap();
        match answer {
            Ok(lease) => {
                assert!(session.is_available(now));
                session.in_flight += 1;
                self.leases.push(lease);
            }
            Err(Error::Refused(refusal)) => match refusal {
                Refusal::Retired { reason, .. } => assert_eq!(session.retired, Some(reason)),
                Refusal::Resting { until, .. } => {
                    assert_eq!(session.resting_until, Some(Timestamp::from(until)));
                    assert!(now < Timestamp::from(until));
                }
                Refusal::Busy { in_flight, .. } => {
                    assert_eq!(session.in_flight, in_flight);
                    assert!(!session.is_available(now));
                }
                other => panic!("{other}"),
            },
            Err(error) => panic!("{error}"),
        }
    }

    fn settle(&mut self, n: usize, how: How) {
        if self.leases.is_empty() {
            return;
        }
        let lease = self.leases.swap_remove(n % self.leases.len());
        let now = self.now();
        let session = self.model.get_mut(lease.id().as_str()).unwrap();
        session.in_flight -= 1;
        let expected = session.settle(how, now);
        let seconds = |s: u32| std::time::Duration::from_secs(u64::from(s));
        let outcome = match how {
            How::Reclaim => lease.reclaim().unwrap(),
            How::Fail => lease.fail().unwrap(),
            How::Retire => lease.retire().unwrap(),
            How::Rest(s) => lease.rest_for(seconds(s)).unwrap(),
            How::Release => lease.release().unwrap(),
            How::Drop => {
                drop(lease);
                expected
            }
            How::FailThenDrop => lease.session().fail().unwrap(),
        };
        assert_eq!(outcome, expected);
    }

    fn mark(&mut self, name: &str, how: How) {
        let handle = self.pool.get(&id(name)).unwrap();
        let now = self.now();
        let session = self.model.get_mut(name).unwrap();
        let (outcome, how) = match how {
            How::Reclaim | How::Rest(_) => (handle.reclaim(), How::Reclaim),
            How::Fail | How::Drop | How::FailThenDrop => (handle.fail(), How::Fail),
            How::Retire => (handle.retire(), How::Retire),
            How::Release => (handle.release(), How::Release),
        };
        assert_eq!(outcome.unwrap(), session.settle(how, now));
    }

    fn run(&mut self, operation: Operation) {
        self.follow_expiries();
        match operation {
            Operation::Acquire => self.acquire(),
            Operation::Settle(n, how) => self.settle(n, how),
            Operation::Advance(seconds) => {
                self.clock.advance(std::time::Duration::from_secs(u64::from(seconds)));
            }
            Operation::Flush => self.pool.flush().unwrap(),
            Operation::Forget => drop(self.pool.forget().unwrap()),
            Operation::Sweep => {
                let now = self.now();
                let old = self.model.values().filter(|s| s.retired.is_none() && now >= s.expires).count();
                // The store may have swept by itself in between.
                assert!(self.pool.sweep().unwrap() <= old);
                self.expire();
            }
            Operation::AcquireById(n) => {
                if let Some(name) = self.nth(n) {
                    self.acquire_by_id(&name);
                }
            }
            Operation::Mark(n, how) => {
                if let Some(name) = self.nth(n) {
                    self.mark(&name, how);
                }
            }
            Operation::Rest(n, seconds) => {
                let Some(name) = self.nth(n) else { return };
                let until = later(self.now(), seconds);
                let answer = self.pool.get(&id(&name)).unwrap().rest_until(until.to_datetime());
                let session = self.model.get_mut(&name).unwrap();
                assert_eq!(answer.is_err(), session.retired.is_some());
                if session.retired.is_none() {
                    session.rest(until);
                }
            }
            Operation::SetUserData(n, value) => {
                let Some(name) = self.nth(n) else { return };
                let answer = self.pool.get(&id(&name)).unwrap().set_user_data("k", value);
                let session = self.model.get_mut(&name).unwrap();
                assert_eq!(answer.is_err(), session.retired.is_some());
                if session.retired.is_none() {
                    session.user_data = Some(value);
                }
            }
            Operation::Add(given) => self.add(&given),
            Operation::Reopen => self.reopen(),
        }
    }

    fn add(&mut self, given: &Given) {
        let Given { max_usage_count, max_concurrent_uses, max_error_score, decrement, max_age } = *given;
        self.names += 1;
        let name = format!("added{}", self.names);
        let options = SessionOptions {
            id: Some(id(&name)),
            max_usage_count,
            max_concurrent_uses,
            max_error_score: f64::from(max_error_score) / 10.0,
            error_score_decrement: f64::from(decrement) / 10.0,
            max_age: std::time::Duration::from_secs(u64::from(max_age)),
            ..SessionOptions::default()
        };
        let now = self.now();
        match self.pool.add(options) {
            Ok(_) => {
                assert!(self.live() < MAX_POOL_SIZE, "R-10");
                let session = Plain {
                    created: now,
                    expires: later(now, max_age),
                    usage: 0,
                    errors: 0,
                    score: 0,
                    max_usage: max_usage_count,
                    max_concurrent: max_concurrent_uses.unwrap_or(u32::MAX),
                    max_score: i64::from(max_error_score) * 100,
                    decrement: i64::from(decrement) * 100,
                    resting_until: None,
                    retired: None,
                    user_data: None,
                    in_flight: 0,
                };
                self.model.insert(name, session);
            }
            Err(Error::Refused(Refusal::PoolFull { .. })) => assert!(self.live() >= MAX_POOL_SIZE),
            Err(error) => panic!("{error}"),
        }
    }

    /// Ends every lease by dropping it, closes, and opens again.
    fn reopen(&mut self) {
        let now = self.now();
        for lease in self.leases.drain(..) {
            let session = self.model.get_mut(lease.id().as_str()).unwrap();
            session.in_flight -= 1;
            let _ = session.settle(How::Drop, now);
        }
        let (place, clock) = (&self.place, &self.clock);
        // The old handle must go before the store can be opened again.
        let parked = SessionPool::builder().open_in_memory().unwrap();
        drop(std::mem::replace(&mut self.pool, parked));
        place.assert_sound();
        self.pool = Self::open(place, clock, self.growth, self.strategy);
        self.expire();
        assert_eq!(self.pool.open_report().restored, self.live());
    }

    fn compare(&mut self) {
        self.follow_expiries();
        let stats = self.pool.stats();
        assert_eq!(stats.live, self.live());
        assert!(stats.live <= MAX_POOL_SIZE, "R-10");
        assert_eq!(stats.leased, self.model.values().filter(|session| session.in_flight > 0).count());
        for (name, expected) in &self.model {
            let session: Session = self.pool.get(&id(name)).unwrap();
            let state = session.state().unwrap();
            assert_eq!(
                (state.usage_count, state.error_count, i64::from(state.error_score.thousandths())),
                (expected.usage, expected.errors, expected.score),
                "{name}"
            );
            assert_eq!((state.created_at, state.expires_at), (expected.created, expected.expires), "{name}");
            assert_eq!(state.retired.map(|retired| retired.reason), expected.retired, "{name}");
            assert_eq!(state.resting_until, expected.resting_until, "{name}");
            assert_eq!(session.user_data::<u32>("k").unwrap(), expected.user_data, "{name}");
        }
    }

    /// R-4, I-2: the log tells of each retirement once, and of nothing else.
    fn compare_log(&self) {
        self.pool.flush().unwrap();
        let mut logged = HashMap::new();
        for (n, entry) in (1..).zip(self.pool.retirement_log(Sequence::START)) {
            let entry = entry.unwrap();
            assert_eq!(entry.sequence, Sequence(n));
            assert_eq!(logged.insert(entry.id.to_string(), entry.reason), None, "R-4");
        }
        let retired = self.model.iter().filter_map(|(name, session)| Some((name.clone(), session.retired?)));
        assert_eq!(logged, retired.collect());
    }
}

fn drive(place: Place, growth: Growth, strategy: PoolStrategy, operations: Vec<Operation>) {
    let mut test = Test::new(place, growth, strategy);
    for operation in operations {
        test.run(operation);
        test.compare();
    }
    test.reopen();
    test.compare();
    test.compare_log();
}

fn growths() -> impl proptest::strategy::Strategy<Value = Growth> {
    prop_oneof![Just(Growth::FillFirst), Just(Growth::ReuseFirst), Just(Growth::Manual)]
}

fn strategies() -> impl proptest::strategy::Strategy<Value = PoolStrategy> {
    prop_oneof![
        Just(PoolStrategy::Random),
        Just(PoolStrategy::RoundRobin),
        Just(PoolStrategy::LeastRecentlyUsed),
        Just(PoolStrategy::UntilFailure),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_pool_in_memory_behaves_like_the_model(
        growth in growths(),
        strategy in strategies(),
        operations in proptest::collection::vec(operation(), 1..120),
    ) {
        drive(Place::memory(), growth, strategy, operations);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_pool_on_disk_behaves_like_the_model(
        growth in growths(),
        strategy in strategies(),
        operations in proptest::collection::vec(operation(), 1..120),
    ) {
        drive(Place::disk(), growth, strategy, operations);
    }
}
