//! How the wall clock is followed: a pure policy, which is told what the two clocks of the system show.
//!
//! All times are microseconds: those of the wall clock since 1970, those of the monotonic clock since any moment.

use std::time::Duration;

use super::ClockSteps;

/// What the wall clock may be ahead by without being doubted, and what counts as a step: a minute.
const DOUBTED: i64 = 60_000_000;
/// How long a step ahead must have lasted to be believed, on the monotonic clock: a minute.
const BELIEVED_AFTER: i64 = 60_000_000;
/// By how much the wall clock may be behind without anything being done: the longest tick of a kernel, 10 ms. The two clocks
/// cannot be read at the same instant, and a coarse one may have gone on in between.
const UNNOTICED: i64 = 10_000;
/// Where its time goes slower, it loses one part in so many.
const SLOWED_BY: i64 = 10;

/// The time as a function of the monotonic clock: what is read between two looks at the wall clock.
///
/// It fits into one atomic word, so that nobody ever reads half of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// The time where the monotonic clock shows 0.
    start: i64,
    pub(super) is_slow: bool,
    /// Whether readers must see to it that none of them tells a time before that of another. Where one line has taken
    /// the place of another, some may still be reading from the old one.
    pub(super) is_watched: bool,
}

impl Line {
    pub(super) fn at(self, monotonic: i64) -> i64 {
        self.start.saturating_add(monotonic) - if self.is_slow { monotonic / SLOWED_BY } else { 0 }
    }

    /// The line that goes through the same point at the other speed.
    fn turn(self, is_slow: bool, at: i64) -> Self {
        match (self.is_slow, is_slow) {
            (false, true) => Self { start: self.start.saturating_add(at / SLOWED_BY), is_slow, ..self },
            (true, false) => Self { start: self.start.saturating_sub(at / SLOWED_BY), is_slow, ..self },
            _ => self,
        }
    }

    fn raise(self, by: i64) -> Self {
        Self { start: self.start.saturating_add(by), ..self }
    }

    pub(super) fn to_bits(self) -> i64 {
        // The times that a `DateTime` can hold need 56 bits.
        (self.start << 2) | (i64::from(self.is_watched) << 1) | i64::from(self.is_slow)
    }

    pub(super) fn from_bits(bits: i64) -> Self {
        Self { start: bits >> 2, is_slow: bits & 1 != 0, is_watched: bits & 2 != 0 }
    }
}

/// A step ahead that has not been believed yet.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    since: i64,
    /// What the wall clock has been ahead by all the time.
    by: i64,
}

/// The policy: T-1 and T-2 of the crate's documentation.
#[derive(Debug)]
pub(super) struct Steady {
    line: Line,
    doubt: Option<Doubt>,
    /// How far behind the wall clock was when last looked at.
    behind: i64,
    /// When it is caught up with, where the line is slow.
    caught_up_at: i64,
    steps: ClockSteps,
}

impl Steady {
    /// Begins at what the wall clock shows.
    pub(super) fn new(wall: i64, monotonic: i64) -> Self {
        Self {
            line: Line { start: wall.saturating_sub(monotonic), is_slow: false, is_watched: false },
            doubt: None,
            behind: 0,
            caught_up_at: monotonic,
            steps: ClockSteps::default(),
        }
    }

    /// The time from now on, until the wall clock is looked at again.
    pub(super) fn line(&self) -> Line {
        self.line
    }

    pub(super) fn steps(&self) -> ClockSteps {
        self.steps
    }

    /// Is told what the clocks show.
    pub(super) fn look(&mut self, wall: i64, monotonic: i64) {
        if self.line.is_slow && monotonic > self.caught_up_at {
            // Nobody has looked for a while, or the line would have been turned there.
            self.line = self.line.turn(false, self.caught_up_at);
        }
        let mut ahead = wall.saturating_sub(self.line.at(monotonic));
        if let Some(by) = self.believe(ahead, monotonic) {
            self.line = self.line.raise(by);
            self.steps.ahead += 1;
            self.steps.ahead_by = self.steps.ahead_by.saturating_add(micros(by));
            ahead -= by;
        }
        if (0..=DOUBTED).contains(&ahead) {
            self.line = self.line.turn(false, monotonic).raise(ahead);
            ahead = 0;
        }
        self.slow_down(ahead.saturating_neg().max(0), monotonic);
        self.steps.doubted_by = micros(ahead);
    }

    /// What is to be believed of a step ahead: what has lasted for the whole minute. A clock that is corrected within it,
    /// or set further ahead, has begun none.
    fn believe(&mut self, ahead: i64, monotonic: i64) -> Option<i64> {
        if ahead <= DOUBTED {
            self.doubt = None;
            return None;
        }
        let doubt = self.doubt.get_or_insert(Doubt { since: monotonic, by: ahead });
        doubt.by = doubt.by.min(ahead);
        let by = doubt.by;
        if monotonic.saturating_sub(doubt.since) < BELIEVED_AFTER {
            return None;
        }
        // What it is further ahead by has to last, too.
        let rest = ahead - by;
        self.doubt = (rest > DOUBTED).then_some(Doubt { since: monotonic, by: rest });
        Some(by)
    }

    /// The wall clock is behind by so much; 0 where it is not.
    fn slow_down(&mut self, behind: i64, monotonic: i64) {
        if behind > self.behind.saturating_add(DOUBTED) {
            self.steps.back += 1;
        }
        self.behind = behind;
        self.steps.leads_by = micros(behind);
        let is_behind = behind > UNNOTICED;
        // A line is watched for one look before it is turned, and for one afterwards: by then, whoever reads from it
        // does so as one who watches.
        let is_slow = is_behind && self.line.is_watched;
        self.line.is_watched = is_behind || self.line.is_slow;
        self.line = self.line.turn(is_slow, monotonic);
        self.caught_up_at = monotonic.saturating_add(behind.saturating_mul(SLOWED_BY));
    }
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000;
    const MINUTE: i64 = 60 * SECOND;
    const YEAR: i64 = 365 * 24 * 60 * MINUTE;
    const NOW: i64 = 1_700_000_000 * SECOND;

    /// A machine: what its clocks show, looked at as often as the clock does.
    struct Machine {
        steady: Steady,
        wall: i64,
        monotonic: i64,
    }

    impl Machine {
        fn new() -> Self {
            Self { steady: Steady::new(NOW, 5 * SECOND), wall: NOW, monotonic: 5 * SECOND }
        }

        fn time(&self) -> i64 {
            self.steady.line().at(self.monotonic)
        }

        fn step(&mut self, by: i64) {
            self.wall += by;
        }

        /// Time passes, and nobody looks.
        fn idle(&mut self, time: i64) {
            self.monotonic += time;
            self.wall += time;
        }

        /// Time passes; the wall clock goes too fast by so many parts in a thousand.
        fn pass_with_drift(&mut self, time: i64, drift: i64) {
            let mut left = time;
            while left > 0 {
                let slice = left.min(SECOND / 4);
                self.idle(slice);
                self.wall += slice * drift / 1000;
                self.steady.look(self.wall, self.monotonic);
                left -= slice;
            }
        }

        fn pass(&mut self, time: i64) {
            self.pass_with_drift(time, 0);
        }

        /// How far its time is ahead of the wall clock.
        fn ahead(&self) -> i64 {
            self.time() - self.wall
        }
    }

    #[test]
    fn t1_after_a_step_back_of_any_size_time_goes_slower_until_the_wall_clock_has_caught_up() {
        for step in [SECOND, MINUTE, 30 * MINUTE, 24 * 60 * MINUTE] {
            let mut machine = Machine::new();
            machine.pass(10 * SECOND);
            machine.step(-step);
            machine.pass(SECOND);
            let (before, passes) = (machine.time(), step * 5);
            machine.pass(passes);
            assert_eq!((machine.time() - before) / 1000, passes / 10 * 9 / 1000, "9/10 of the speed");
            machine.pass(step * 5);
            assert!(machine.ahead().abs() <= UNNOTICED, "{}", machine.ahead());
            machine.pass(SECOND);
            let before = machine.time();
            machine.pass(MINUTE);
            assert_eq!(machine.time() - before, MINUTE);
            let steps = machine.steady.steps();
            assert_eq!((steps.back, steps.ahead), (u64::from(step > MINUTE), 0));
        }
    }

    #[test]
    fn t1_a_step_back_of_years_is_told_and_so_is_what_is_left_of_it() {
        let mut machine = Machine::new();
        machine.step(-20 * YEAR);
        machine.pass(SECOND);
        let steps = machine.steady.steps();
        assert_eq!((steps.back, steps.leads_by.as_secs()), (1, 20 * 365 * 24 * 3600 - 1));
        machine.step(-2 * MINUTE);
        machine.pass(SECOND);
        assert_eq!(machine.steady.steps().back, 2);
    }

    #[test]
    fn t1_time_is_right_again_where_nobody_looked_for_longer_than_it_took_to_catch_up() {
        let mut machine = Machine::new();
        machine.step(-MINUTE);
        machine.pass(SECOND);
        machine.idle(YEAR);
        machine.steady.look(machine.wall, machine.monotonic);
        assert!(machine.ahead().abs() <= UNNOTICED, "{}", machine.ahead());
        assert_eq!(machine.steady.steps(), ClockSteps::default());
    }

    #[test]
    fn t2_a_wall_clock_that_is_ahead_by_a_minute_at_most_is_followed_at_once() {
        let mut machine = Machine::new();
        for step in [1, SECOND, MINUTE] {
            machine.step(step);
            machine.pass(SECOND / 4);
            assert_eq!(machine.ahead(), 0, "{step}");
        }
        assert_eq!(machine.steady.steps(), ClockSteps::default());
    }

    #[test]
    fn t2_a_step_ahead_of_more_than_a_minute_is_believed_after_a_minute() {
        for step in [MINUTE + 1, 8 * 60 * MINUTE, 100 * YEAR] {
            let mut machine = Machine::new();
            machine.step(step);
            machine.pass(MINUTE);
            assert_eq!(machine.ahead(), -step);
            let doubted = machine.steady.steps();
            assert_eq!((doubted.ahead, doubted.doubted_by), (0, micros(step)));
            machine.pass(SECOND / 4);
            assert_eq!(machine.ahead(), 0);
            let steps = machine.steady.steps();
            assert_eq!((steps.ahead, steps.ahead_by, steps.doubted_by), (1, micros(step), Duration::ZERO));
        }
    }

    #[test]
    fn t2_a_step_ahead_that_is_corrected_within_a_minute_changes_nothing() {
        let mut machine = Machine::new();
        for _ in 0..10 {
            machine.step(YEAR);
            machine.pass(59 * SECOND);
            machine.step(-YEAR);
            machine.pass(SECOND);
            assert_eq!(machine.ahead(), 0);
        }
        assert_eq!(machine.steady.steps(), ClockSteps::default());
    }

    #[test]
    fn t2_of_two_steps_each_has_to_last_for_a_minute() {
        let mut machine = Machine::new();
        machine.step(2 * MINUTE);
        machine.pass(59 * SECOND);
        machine.step(YEAR);
        machine.pass(2 * SECOND);
        assert_eq!(machine.ahead(), -YEAR, "the first has");
        machine.step(-YEAR);
        machine.pass(MINUTE);
        assert_eq!((machine.ahead(), machine.steady.steps().ahead), (0, 1));
    }

    #[test]
    fn t2_a_machine_that_is_suspended_again_and_again_is_behind_by_its_last_minute_only() {
        let mut machine = Machine::new();
        for _ in 0..100 {
            machine.step(10 * MINUTE);
            machine.pass(30 * SECOND);
        }
        assert!(machine.ahead() >= -40 * MINUTE, "{}", machine.ahead());
        machine.pass(2 * MINUTE);
        assert_eq!(machine.ahead(), 0);
    }

    #[test]
    fn t1_t2_a_drift_of_either_sign_is_followed() {
        for drift in [-20, -1, 0, 1, 20] {
            let mut machine = Machine::new();
            machine.pass_with_drift(60 * MINUTE, drift);
            // What two looks do not see, and one that turns the line.
            assert!(machine.ahead().abs() < SECOND / 10, "{drift}: {}", machine.ahead());
            assert_eq!((machine.steady.steps().ahead, machine.steady.steps().back), (0, 0));
        }
    }

    #[test]
    fn a_line_fits_into_one_word() {
        for start in [-62_167_219_200 * SECOND, 0, NOW, 253_402_300_800 * SECOND] {
            for (is_slow, is_watched) in [(false, false), (true, false), (false, true), (true, true)] {
                let line = Line { start, is_slow, is_watched };
                assert_eq!(Line::from_bits(line.to_bits()), line);
            }
        }
    }

    proptest! {
        #[test]
        fn t1_time_never_goes_back_whatever_the_wall_clock_does(
            moves in proptest::collection::vec(
                (0..300 * SECOND, prop_oneof![3 => Just(0), 3 => -SECOND..SECOND, 2 => -10 * MINUTE..10 * MINUTE, 1 => -YEAR..YEAR]),
                0..200,
            ),
        ) {
            let mut machine = Machine::new();
            let mut before = machine.time();
            for (passes, step) in moves {
                machine.idle(passes);
                machine.step(step);
                // Up to the look, readers read from the line as it was; from then on, as it is.
                prop_assert!(machine.time() >= before);
                before = machine.time();
                machine.steady.look(machine.wall, machine.monotonic);
                prop_assert!(machine.time() >= before, "by {}", before - machine.time());
                before = machine.time();
            }
        }
    }
}
