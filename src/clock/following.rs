//! The clock that follows the policy, and is read by any thread without waiting.

use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;

use super::ClockSteps;
use super::steady::{Line, Steady};

/// How often the wall clock is looked at, at most: 250 ms, in microseconds.
const LOOK_EVERY: i64 = 250_000;

/// The two clocks behind it, in microseconds: since 1970, and since any moment.
pub(super) trait Times {
    fn monotonic(&self) -> i64;
    fn wall(&self) -> i64;
}

/// A steady clock. Reading it takes a look at the monotonic clock and three loads.
#[derive(Debug)]
pub(super) struct Following<T> {
    times: T,
    /// The [`Line`] to be read from.
    line: AtomicI64,
    /// When the wall clock is to be looked at again, on the monotonic clock.
    next_look: AtomicI64,
    /// The latest time told while the line is watched.
    latest: AtomicI64,
    /// Taken by whoever looks at the wall clock. Nobody else waits for that.
    steady: Mutex<Steady>,
}

impl<T: Times> Following<T> {
    pub(super) fn new(times: T) -> Self {
        let monotonic = times.monotonic();
        let steady = Steady::new(times.wall(), monotonic);
        Self {
            line: AtomicI64::new(steady.line().to_bits()),
            next_look: AtomicI64::new(monotonic.saturating_add(LOOK_EVERY)),
            latest: AtomicI64::new(i64::MIN),
            steady: Mutex::new(steady),
            times,
        }
    }

    pub(super) fn now(&self) -> i64 {
        let mut line = self.line.load(Ordering::Acquire);
        loop {
            let monotonic = self.times.monotonic();
            if monotonic >= self.next_look.load(Ordering::Relaxed) {
                self.look();
            }
            // The line must be that of the moment, however long the thread had to pause.
            match self.line.load(Ordering::Acquire) {
                same if same == line => return self.read(Line::from_bits(line), monotonic),
                other => line = other,
            }
        }
    }

    pub(super) fn steps(&self) -> ClockSteps {
        self.steady.lock().steps()
    }

    /// Both, of the same moment.
    pub(super) fn now_and_steps(&self) -> (i64, ClockSteps) {
        self.look();
        let steady = self.steady.lock();
        (self.read(steady.line(), self.times.monotonic()), steady.steps())
    }

    fn read(&self, line: Line, monotonic: i64) -> i64 {
        let time = line.at(monotonic);
        if line.is_watched { self.latest.fetch_max(time, Ordering::Relaxed).max(time) } else { time }
    }

    #[cold]
    fn look(&self) {
        let Some(mut steady) = self.steady.try_lock() else { return };
        if self.times.monotonic() < self.next_look.load(Ordering::Relaxed) {
            return;
        }
        let wall = self.times.wall();
        // After the wall clock: where the thread had to pause in between, that one seems behind for one look, which
        // changes nothing. It must not seem ahead.
        let monotonic = self.times.monotonic();
        steady.look(wall, monotonic);
        self.line.store(steady.line().to_bits(), Ordering::Release);
        self.next_look.store(monotonic.saturating_add(LOOK_EVERY), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicBool;
    use std::time::Instant;

    use super::*;

    const SECOND: i64 = 1_000_000;

    /// A wall clock that is set at will beside a monotonic clock that goes a thousand times too fast, and counts how often
    /// it is looked at.
    struct FastTimes {
        began: Instant,
        set_by: AtomicI64,
        looks: AtomicI64,
    }

    impl FastTimes {
        fn new() -> Self {
            Self { began: Instant::now(), set_by: AtomicI64::new(0), looks: AtomicI64::new(0) }
        }
    }

    impl Times for FastTimes {
        fn monotonic(&self) -> i64 {
            i64::try_from(self.began.elapsed().as_nanos()).unwrap()
        }

        fn wall(&self) -> i64 {
            self.looks.fetch_add(1, Ordering::SeqCst);
            1_700_000_000 * SECOND + self.monotonic() + self.set_by.load(Ordering::SeqCst)
        }
    }

    #[test]
    fn t1_no_thread_is_told_a_time_before_one_that_any_has_been_told() {
        let clock = Following::new(FastTimes::new());
        let told = AtomicI64::new(0);
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::SeqCst) {
                        let before = told.load(Ordering::SeqCst);
                        let (now, _) = if fastrand::u8(..20) == 0 {
                            clock.now_and_steps()
                        } else {
                            (clock.now(), ClockSteps::default())
                        };
                        assert!(now >= before, "T-1: back by {} us", before - now);
                        told.fetch_max(now, Ordering::SeqCst);
                    }
                });
            }
            for step in [-30, 50, -3600, 3600, 100_000, -100_000, -7, 3, -1].repeat(25) {
                clock.times.set_by.fetch_add(step * SECOND, Ordering::SeqCst);
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            is_over.store(true, Ordering::SeqCst);
        });
    }

    /// Clocks that stand still until they are moved. A reading of the monotonic one can be made to pause.
    struct PausingTimes {
        monotonic: AtomicI64,
        wall: AtomicI64,
        /// How many readings from now the pause comes.
        pauses_in: AtomicI64,
        pause: Barrier,
    }

    impl PausingTimes {
        fn pass(&self, seconds: i64) {
            self.monotonic.fetch_add(seconds * SECOND, Ordering::SeqCst);
            self.step(seconds);
        }

        fn step(&self, seconds: i64) {
            self.wall.fetch_add(seconds * SECOND, Ordering::SeqCst);
        }
    }

    impl Times for PausingTimes {
        fn monotonic(&self) -> i64 {
            let monotonic = self.monotonic.load(Ordering::SeqCst);
            if self.pauses_in.fetch_sub(1, Ordering::SeqCst) == 1 {
                self.pause.wait();
                self.pause.wait();
            }
            monotonic
        }

        fn wall(&self) -> i64 {
            self.wall.load(Ordering::SeqCst)
        }
    }

    fn pausing() -> Following<PausingTimes> {
        let times = PausingTimes {
            monotonic: AtomicI64::new(0),
            wall: AtomicI64::new(1_700_000_000 * SECOND),
            pauses_in: AtomicI64::new(0),
            pause: Barrier::new(2),
        };
        Following::new(times)
    }

    /// Lets `call` pause at that reading of the monotonic clock, and something happen meanwhile.
    fn with_pause<T: Send>(
        clock: &Following<PausingTimes>,
        at: i64,
        call: impl FnOnce() -> T + Send,
        meanwhile: impl FnOnce(),
    ) -> T {
        clock.times.pauses_in.store(at, Ordering::SeqCst);
        std::thread::scope(|scope| {
            let call = scope.spawn(call);
            clock.times.pause.wait();
            meanwhile();
            clock.times.pause.wait();
            call.join().unwrap()
        })
    }

    #[test]
    fn t1_whoever_reads_while_another_pauses_in_a_look_is_never_told_more_than_the_next() {
        // Which of the readings of a call: that of whoever asks, the first and the last of the look.
        for at in 1..=3 {
            let clock = pausing();
            let mut told = clock.now();
            for step in [-3600, 0, 0, 3600, 0, 0, -30, 0, 50, 0] {
                clock.times.step(step);
                clock.times.pass(1);
                let mut meanwhile = 0;
                let paused = with_pause(
                    &clock,
                    at,
                    || clock.now(),
                    || {
                        clock.times.pass(10);
                        meanwhile = clock.now();
                    },
                );
                assert!(paused >= told && meanwhile >= told, "T-1: {at}, {step}");
                told = meanwhile.max(paused);
                let next = clock.now();
                assert!(next >= told, "T-1: {at}, {step}: back by {} us", told - next);
                told = next;
            }
        }
    }

    #[test]
    fn t2_the_steps_told_with_a_time_are_those_in_it_whoever_looks_meanwhile() {
        let clock = pausing();
        let step = 1_000_000;
        clock.times.step(step);
        clock.times.pass(1);
        let before = clock.now();
        clock.times.pass(59);
        // The reading that the time is made from.
        let (now, steps) = with_pause(
            &clock,
            3,
            || clock.now_and_steps(),
            || {
                clock.times.pass(10);
                clock.now();
            },
        );
        assert_eq!(now - before >= step * SECOND, steps.ahead == 1, "{steps:?}");
        clock.times.pass(1);
        let (now, steps) = clock.now_and_steps();
        assert!(now - before >= step * SECOND && steps.ahead == 1, "{steps:?}");
    }

    #[test]
    fn the_wall_clock_is_looked_at_four_times_a_second_at_most() {
        let clock = Following::new(FastTimes::new());
        let began = clock.times.monotonic();
        while clock.times.monotonic() < began + 100 * SECOND {
            clock.now();
        }
        let (looks, seconds) = (clock.times.looks.load(Ordering::SeqCst), clock.times.monotonic() / SECOND);
        assert!((2..=4 * seconds + 2).contains(&looks), "{looks} looks in {seconds} s");
    }

    #[test]
    fn t2_the_steps_that_are_told_with_a_time_are_those_in_it() {
        let clock = Following::new(FastTimes::new());
        let (before, steps) = clock.now_and_steps();
        assert_eq!(steps, ClockSteps::default());
        let step = 1_000_000 * SECOND;
        clock.times.set_by.fetch_add(step, Ordering::SeqCst);
        loop {
            let (now, steps) = clock.now_and_steps();
            assert_eq!(now - before >= step, steps.ahead == 1, "{now}, {steps:?}");
            if steps.ahead == 1 {
                break;
            }
        }
        assert_eq!(clock.steps().ahead, 1);
    }
}
