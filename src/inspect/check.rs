//! Is a store sound?

use std::ops::ControlFlow;

use super::Finding;
use super::query::all_pools;
use crate::session::{Reason, SessionId, SessionRecord, State, Timestamp};
use crate::store::{PoolEntry, PoolNumber, ReadStore, Sequence, StoreError, Unreadable, Visited};

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// Pools that were gone through.
    pub pools: usize,
    /// Sessions that were gone through, live and retired.
    pub sessions: usize,
    /// Log entries that were gone through.
    pub log_entries: usize,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

impl CheckReport {
    /// Whether everything is as it should be.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Verifies that everything in a store can be decoded, and that its indexes and its log agree with its sessions (I-1,
/// I-2). It takes memory for every index entry: some 200 bytes a session.
///
/// # Errors
///
/// [`StoreError`] where the engine fails. What is merely wrong is in the report.
pub fn check(store: &dyn ReadStore) -> Result<CheckReport, StoreError> {
    check_with(store, &mut |_| {})
}

/// The same, and tells after each session how many were gone through.
///
/// # Errors
///
/// As [`check`].
pub fn check_with(store: &dyn ReadStore, progress: &mut dyn FnMut(usize)) -> Result<CheckReport, StoreError> {
    let (report, states, expiries) = (CheckReport::default(), Claims::default(), Claims::default());
    let mut check = Check { store, report, states, expiries, progress };
    let (mut pools, unreadable) = all_pools(store)?;
    check.report.findings.extend(unreadable.into_iter().map(Finding::Unreadable));
    check.read_indexes()?;
    // In the order in which the index entries are sorted.
    pools.sort_by_key(|pool| pool.number);
    for pool in &pools {
        check.pool(pool)?;
    }
    check.of_no_pool();
    check.report.pools = pools.len();
    Ok(check.report)
}

type Session = (PoolNumber, SessionId);

/// What is said of sessions elsewhere, until the session itself comes by. Sessions come in their order.
struct Claims<K, T> {
    /// Sorted; those before `at` are settled.
    claims: Vec<(K, T)>,
    at: usize,
}

impl<K, T> Default for Claims<K, T> {
    fn default() -> Self {
        Self { claims: Vec::new(), at: 0 }
    }
}

impl<K: Ord + Copy, T: Ord + Copy> Claims<K, T> {
    /// Those of a session; `passed` gets those of others that would have come before it.
    fn of(&mut self, session: &K, passed: &mut impl FnMut(K, T)) -> &[(K, T)] {
        self.up_to(|other| other < session, passed);
        let from = self.at;
        self.at += self.claims[from..].iter().take_while(|(other, _)| other == session).count();
        &self.claims[from..self.at]
    }

    /// Those as long as `is_before`.
    fn up_to(&mut self, is_before: impl Fn(&K) -> bool, passed: &mut impl FnMut(K, T)) {
        while let Some((session, claim)) = self.claims.get(self.at).filter(|(session, _)| is_before(session))
        {
            passed(*session, *claim);
            self.at += 1;
        }
    }
}

struct Check<'a> {
    store: &'a dyn ReadStore,
    report: CheckReport,
    states: Claims<Session, State>,
    expiries: Claims<Session, Timestamp>,
    progress: &'a mut dyn FnMut(usize),
}

impl Check<'_> {
    fn find(&mut self, finding: Finding) {
        self.report.findings.push(finding);
    }

    fn readable<T>(&mut self, item: Visited<T>) -> Option<T> {
        item.map_err(|item| self.find(Finding::Unreadable(item))).ok()
    }

    fn read_indexes(&mut self) -> Result<(), StoreError> {
        let store = self.store;
        store.visit_state_index(&mut |item| {
            if let Some((pool, state, id)) = self.readable(item) {
                self.states.claims.push(((pool, id), state));
            }
            ControlFlow::Continue(())
        })?;
        store.visit_expiring(Timestamp::MIN, Timestamp::MAX, &mut |item| {
            if let Some((at, pool, id)) = self.readable(item) {
                self.expiries.claims.push(((pool, id), at));
            }
            ControlFlow::Continue(())
        })?;
        self.states.claims.sort_unstable();
        self.expiries.claims.sort_unstable();
        Ok(())
    }

    fn pool(&mut self, pool: &PoolEntry) -> Result<(), StoreError> {
        let mut logged = self.log(pool)?;
        let (store, number) = (self.store, pool.number);
        // Those of pools that the store does not know.
        self.of_no_pool_before(number);
        store.visit_sessions(number, None, &mut |item| {
            self.report.sessions += 1;
            (self.progress)(self.report.sessions);
            let findings = &mut self.report.findings;
            let mut surplus = |id, (sequence, _)| findings.push(Finding::WrongLogEntry(number, id, sequence));
            match item {
                Ok((id, record)) => {
                    let told = logged.of(&id, &mut surplus);
                    let reason = record.retired.map(|retired| retired.reason);
                    let own = told.iter().position(|(_, (_, why))| Some(*why) == reason).unwrap_or_default();
                    let logged = told.get(own).map(|(_, logged)| *logged);
                    for (at, (_, (sequence, _))) in told.iter().enumerate() {
                        if at != own {
                            findings.push(Finding::RetiredTwice(number, id, *sequence));
                        }
                    }
                    self.indexes((number, id), &record);
                    self.payload((number, id));
                    self.logged(number, id, &record, logged);
                }
                Err(item) => {
                    // What is said of it elsewhere is all that is known of it.
                    if let Ok(id) = SessionId::from_bytes(&item.key) {
                        logged.of(&id, &mut surplus);
                        self.states_of((number, id));
                        self.expiries_of((number, id));
                    }
                    self.find(Finding::Unreadable(item));
                }
            }
            ControlFlow::Continue(())
        })?;
        let findings = &mut self.report.findings;
        logged.up_to(|_| true, &mut |id, (sequence, _)| {
            findings.push(Finding::WrongLogEntry(number, id, sequence));
        });
        self.states.up_to(|(pool, _)| *pool == number, &mut |(pool, id), state| {
            findings.push(Finding::WrongStateEntry(pool, id, state));
        });
        self.expiries.up_to(|(pool, _)| *pool == number, &mut |(pool, id), at| {
            findings.push(Finding::WrongExpiryEntry(pool, id, at));
        });
        Ok(())
    }

    /// The part of the log whose sessions are still kept.
    fn log(&mut self, pool: &PoolEntry) -> Result<Claims<SessionId, (Sequence, Reason)>, StoreError> {
        let mut logged = Claims::default();
        let mut expected = pool.trimmed_through.next();
        let mut lost = pool.lost_log.as_slice();
        let mut beyond: Option<(Sequence, Sequence)> = None;
        let store = self.store;
        store.visit_log(pool.number, pool.trimmed_through, &mut |item| {
            self.report.log_entries += 1;
            if let Some((sequence, entry)) = self.readable(item) {
                if sequence > pool.purged_through {
                    logged.claims.push((entry.id, (sequence, entry.reason)));
                }
                if sequence > pool.last_sequence {
                    beyond = Some((beyond.map_or(sequence, |(first, _)| first), sequence));
                    return ControlFlow::Continue(());
                }
                self.gap(pool.number, &mut lost, expected, sequence);
                expected = sequence;
            }
            expected = expected.next();
            ControlFlow::Continue(())
        })?;
        self.gap(pool.number, &mut lost, expected, pool.last_sequence.next());
        if let Some((first, last)) = beyond {
            self.find(Finding::LogBeyondEnd(pool.number, first, last));
        }
        logged.claims.sort_unstable();
        Ok(logged)
    }

    /// Notes what is missing from `expected` to before `found`. What a repair has said is lost is not missing: `lost` are the
    /// ranges of that which were not passed yet.
    fn gap(
        &mut self,
        pool: PoolNumber,
        lost: &mut &[(Sequence, Sequence)],
        expected: Sequence,
        found: Sequence,
    ) {
        let mut expected = expected;
        while let Some(((first, last), rest)) = lost.split_first().filter(|((first, _), _)| *first < found) {
            if expected < *first {
                self.find(Finding::LogGap(pool, expected, Sequence(first.0 - 1)));
            }
            expected = expected.max(last.next());
            if *last >= found {
                // More of it may be missing behind what was found in it.
                break;
            }
            *lost = rest;
        }
        if expected < found {
            self.find(Finding::LogGap(pool, expected, Sequence(found.0 - 1)));
        }
    }

    fn states_of(&mut self, session: Session) -> Vec<State> {
        let findings = &mut self.report.findings;
        let mut surplus = |(pool, id), state| findings.push(Finding::WrongStateEntry(pool, id, state));
        self.states.of(&session, &mut surplus).iter().map(|(_, state)| *state).collect()
    }

    fn expiries_of(&mut self, session: Session) -> Vec<Timestamp> {
        let findings = &mut self.report.findings;
        let mut surplus = |(pool, id), at| findings.push(Finding::WrongExpiryEntry(pool, id, at));
        self.expiries.of(&session, &mut surplus).iter().map(|(_, at)| *at).collect()
    }

    fn indexes(&mut self, session: Session, record: &SessionRecord) {
        let (pool, id) = session;
        let states = self.states_of(session);
        if !states.contains(&record.state()) {
            self.find(Finding::NoStateEntry(pool, id));
        }
        for state in states.into_iter().filter(|state| *state != record.state()) {
            self.find(Finding::WrongStateEntry(pool, id, state));
        }
        let expiries = self.expiries_of(session);
        let is_live = record.retired.is_none();
        if is_live && !expiries.contains(&record.expires_at) {
            self.find(Finding::NoExpiryEntry(pool, id));
        }
        for at in expiries.into_iter().filter(|at| !is_live || *at != record.expires_at) {
            self.find(Finding::WrongExpiryEntry(pool, id, at));
        }
    }

    fn payload(&mut self, (pool, id): Session) {
        match self.store.payload(pool, &id) {
            Ok(Some(_)) => {}
            Ok(None) => self.find(Finding::NoPayload(pool, id)),
            Err(StoreError::Unreadable(item)) => self.find(Finding::Unreadable(item)),
            Err(error) => {
                let rule = error.to_string();
                let key = id.as_str().as_bytes().to_vec();
                self.find(Finding::Unreadable(Unreadable { item: "payload", pool: Some(pool), key, rule }));
            }
        }
    }

    fn logged(
        &mut self,
        pool: PoolNumber,
        id: SessionId,
        record: &SessionRecord,
        logged: Option<(Sequence, Reason)>,
    ) {
        match (record.retired, logged) {
            (None, None) => {}
            (Some(_), None) => self.find(Finding::NotLogged(pool, id)),
            (Some(retired), Some((_, reason))) if retired.reason == reason => {}
            (_, Some((sequence, _))) => self.find(Finding::WrongLogEntry(pool, id, sequence)),
        }
    }

    /// Index entries of pools that the store does not know, up to a pool that it knows.
    fn of_no_pool_before(&mut self, pool: PoolNumber) {
        self.settle_unknown(|(other, _)| *other < pool);
    }

    /// The same behind the last pool.
    fn of_no_pool(&mut self) {
        self.settle_unknown(|_| true);
    }

    fn settle_unknown(&mut self, is_before: impl Fn(&Session) -> bool) {
        let findings = &mut self.report.findings;
        let mut unknown: Vec<Session> = Vec::new();
        self.states.up_to(&is_before, &mut |session, _| unknown.push(session));
        unknown.dedup();
        findings.extend(unknown.iter().map(|(pool, id)| Finding::UnknownPool(*pool, *id)));
        self.expiries.up_to(is_before, &mut |session, at| {
            if unknown.binary_search(&session).is_err() {
                findings.push(Finding::WrongExpiryEntry(session.0, session.1, at));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::session::{SessionOptions, Settlement};
    use crate::store::{Batch, Change, LogEntry, MemoryStore, SessionChange, Store};

    #[test]
    fn claims_are_settled_once_each_whether_their_session_comes_by_or_not() {
        let claims = vec![(1, 'a'), (2, 'b'), (2, 'c'), (4, 'd'), (6, 'e'), (7, 'f')];
        let mut claims = Claims { claims, at: 0 };
        let mut surplus = Vec::new();
        let mut pass = |session, claim| surplus.push((session, claim));
        assert_eq!(claims.of(&2, &mut pass), [(2, 'b'), (2, 'c')]);
        assert_eq!(claims.of(&3, &mut pass), []);
        assert_eq!(claims.of(&6, &mut pass), [(6, 'e')]);
        claims.up_to(|_| true, &mut pass);
        assert_eq!(surplus, [(1, 'a'), (4, 'd'), (7, 'f')]);
    }

    fn a_store(changes: Vec<Change>) -> Vec<Finding> {
        let store = MemoryStore::new();
        store.commit(&Batch { changes }).unwrap();
        check(&store).unwrap().findings
    }

    fn entry(last_sequence: u64) -> PoolEntry {
        let last_sequence = Sequence(last_sequence);
        PoolEntry { last_sequence, ..PoolEntry::new(PoolNumber(1), "shop".parse().unwrap()) }
    }

    fn retirement(id: SessionId) -> (SessionRecord, LogEntry) {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let options = SessionOptions { id: Some(id), ..SessionOptions::default() };
        let (record, _) = options.build(now).unwrap().record.settle(Settlement::Retire, now);
        (record, LogEntry::of(id, &record).unwrap())
    }

    fn retired(id: SessionId, sequence: u64) -> Change {
        Change::Session(SessionChange {
            pool: PoolNumber(1),
            id,
            record: retirement(id).0,
            is_new: true,
            payload: Some(Arc::default()),
            retirement: Some(Sequence(sequence)),
        })
    }

    fn logged(entry: LogEntry, sequence: u64) -> Change {
        Change::LogEntry { pool: PoolNumber(1), sequence: Sequence(sequence), entry }
    }

    #[test]
    fn r4_a_session_that_the_log_retires_twice_is_found() {
        let (a, pool) = ("a".parse().unwrap(), PoolNumber(1));
        let again = retirement(a).1;
        let other = LogEntry { reason: Reason::Blocked, ..again };
        let sound = [Change::Pool(entry(1)), retired(a, 1)];
        assert_eq!(a_store(sound.into()), []);
        let twice = [Change::Pool(entry(2)), retired(a, 1), logged(again, 2)];
        assert_eq!(a_store(twice.into()), [Finding::RetiredTwice(pool, a, Sequence(2))]);
        let twice = [Change::Pool(entry(2)), retired(a, 2), logged(other, 1)];
        assert_eq!(a_store(twice.into()), [Finding::RetiredTwice(pool, a, Sequence(1))]);
    }

    #[test]
    fn entries_that_the_next_retirements_would_overwrite_are_found() {
        let (a, b, c) = ("a".parse().unwrap(), "b".parse().unwrap(), "c".parse().unwrap());
        let changes = [Change::Pool(entry(1)), retired(a, 1), retired(b, 2), retired(c, 4)];
        let beyond = Finding::LogBeyondEnd(PoolNumber(1), Sequence(2), Sequence(4));
        assert_eq!(a_store(changes.into()), [beyond]);
    }

    #[test]
    fn what_a_repair_has_said_is_lost_is_no_gap() {
        let [a, b, c] = ["a", "b", "c"].map(|id| id.parse().unwrap());
        let gaps = |lost: &[(u64, u64)]| {
            let lost_log = lost.iter().map(|(first, last)| (Sequence(*first), Sequence(*last))).collect();
            let changes = [
                Change::Pool(PoolEntry { lost_log, ..entry(12) }),
                retired(a, 3),
                retired(b, 5),
                retired(c, 9),
            ];
            let findings = a_store(changes.into());
            let gap = |finding: &Finding| match finding {
                Finding::LogGap(_, first, last) => (first.0, last.0),
                other => panic!("{other}"),
            };
            findings.iter().map(gap).collect::<Vec<_>>()
        };
        assert_eq!(gaps(&[]), [(1, 2), (4, 4), (6, 8), (10, 12)]);
        assert_eq!(gaps(&[(1, 2), (4, 4), (6, 8), (10, 12)]), []);
        assert_eq!(gaps(&[(1, 12)]), [], "what was found in it after all does no harm");
        assert_eq!(gaps(&[(2, 2), (6, 6), (8, 10)]), [(1, 1), (4, 4), (7, 7), (11, 12)]);
    }
}
