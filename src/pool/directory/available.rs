//! Which sessions may be handed out, and which of them comes next. Every operation takes constant time.

use super::SlotIndex;
use crate::pool::config::Strategy;

/// Marks the end of a list, and a slot that is not in it.
const NONE: u32 = u32::MAX;

/// Where a session joins the others that may be handed out. Without meaning for [`Strategy::Random`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Front,
    Back,
}

/// The sessions that may be handed out.
#[derive(Debug)]
pub(super) enum Available {
    Random(DenseSet),
    Queue(Queue),
}

impl Available {
    pub(super) fn new(strategy: Strategy) -> Self {
        match strategy {
            Strategy::Random => Self::Random(DenseSet::default()),
            Strategy::RoundRobin | Strategy::LeastRecentlyUsed | Strategy::UntilFailure => {
                Self::Queue(Queue { front: NONE, back: NONE, links: Vec::new(), length: 0 })
            }
        }
    }

    /// Makes room for one more slot.
    pub(super) fn grow(&mut self) {
        match self {
            Self::Random(set) => {
                set.positions.push(NONE);
                // One place for every slot, so that joining never allocates.
                set.members.reserve(set.positions.len() - set.members.len());
            }
            Self::Queue(queue) => queue.links.push(Links::OUTSIDE),
        }
    }

    pub(super) fn insert(&mut self, slot: SlotIndex, end: End) {
        match self {
            Self::Random(set) => set.insert(slot.0),
            Self::Queue(queue) => queue.insert(slot.0, end),
        }
    }

    pub(super) fn remove(&mut self, slot: SlotIndex) {
        match self {
            Self::Random(set) => set.remove(slot.0),
            Self::Queue(queue) => queue.remove(slot.0),
        }
    }

    #[cfg(test)]
    pub(super) fn contains(&self, slot: SlotIndex) -> bool {
        match self {
            Self::Random(set) => set.positions[slot.at()] != NONE,
            Self::Queue(queue) => queue.links[slot.at()] != Links::OUTSIDE,
        }
    }

    /// The one to be handed out next. `fetch` is told of those that will come soon.
    pub(super) fn next(
        &mut self,
        rng: &mut fastrand::Rng,
        fetch: impl FnMut(SlotIndex),
    ) -> Option<SlotIndex> {
        match self {
            Self::Random(set) => set.next(rng, fetch),
            Self::Queue(queue) => Some(SlotIndex(queue.front)).filter(|slot| slot.0 != NONE),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Random(set) => set.members.len(),
            Self::Queue(queue) => queue.length,
        }
    }
}

/// A set from which a random member is taken: the members side by side, and where each stands.
///
/// Where there are many, some are drawn ahead, all in one go: a random session of a large pool is in no cache, and fetching
/// eight of them from memory at the same time takes hardly longer than fetching one.
#[derive(Debug, Default)]
pub(super) struct DenseSet {
    members: Vec<u32>,
    positions: Vec<u32>,
    drawn: [u32; DenseSet::AHEAD],
    /// How many of those are still to come.
    coming: usize,
}

impl DenseSet {
    /// How many are drawn ahead.
    const AHEAD: usize = 8;
    /// From how many members on: fewer are in the cache anyway.
    const MANY: usize = 2048;

    fn next(&mut self, rng: &mut fastrand::Rng, mut fetch: impl FnMut(SlotIndex)) -> Option<SlotIndex> {
        if self.members.len() < Self::MANY {
            self.coming = 0;
            return rng.choice(&self.members).copied().map(SlotIndex);
        }
        loop {
            if self.coming == 0 {
                for drawn in &mut self.drawn {
                    *drawn = self.members[rng.usize(..self.members.len())];
                }
                for drawn in self.drawn {
                    fetch(SlotIndex(drawn));
                }
                self.coming = Self::AHEAD;
            }
            self.coming -= 1;
            let slot = self.drawn[self.coming];
            // It may have left the set since it was drawn.
            if self.positions[slot as usize] != NONE {
                return Some(SlotIndex(slot));
            }
        }
    }

    fn insert(&mut self, slot: u32) {
        if self.positions[slot as usize] == NONE {
            #[expect(clippy::cast_possible_truncation, reason = "no more members than slots, which are u32")]
            let position = self.members.len() as u32;
            self.positions[slot as usize] = position;
            self.members.push(slot);
        }
    }

    fn remove(&mut self, slot: u32) {
        let position = std::mem::replace(&mut self.positions[slot as usize], NONE);
        if position != NONE {
            self.members.swap_remove(position as usize);
            if let Some(moved) = self.members.get(position as usize) {
                self.positions[*moved as usize] = position;
            }
        }
    }
}

/// A doubly linked list through the slots.
#[derive(Debug)]
pub(super) struct Queue {
    front: u32,
    back: u32,
    links: Vec<Links>,
    length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Links {
    before: u32,
    behind: u32,
}

impl Links {
    /// Of a slot that is not in the list: no other has itself, which is no slot's number, on one side only.
    const OUTSIDE: Self = Self { before: NONE - 1, behind: NONE - 1 };
}

impl Queue {
    fn insert(&mut self, slot: u32, end: End) {
        if self.links[slot as usize] != Links::OUTSIDE {
            return;
        }
        let (before, behind) = match end {
            End::Front => (NONE, self.front),
            End::Back => (self.back, NONE),
        };
        self.links[slot as usize] = Links { before, behind };
        self.join(before, slot);
        self.join_back(slot, behind);
        self.length += 1;
    }

    fn remove(&mut self, slot: u32) {
        let links = std::mem::replace(&mut self.links[slot as usize], Links::OUTSIDE);
        if links != Links::OUTSIDE {
            self.join(links.before, links.behind);
            self.join_back(links.before, links.behind);
            self.length -= 1;
        }
    }

    /// Lets `before` know that `behind` comes behind it.
    fn join(&mut self, before: u32, behind: u32) {
        match before {
            NONE => self.front = behind,
            _ => self.links[before as usize].behind = behind,
        }
    }

    /// Lets `behind` know that `before` comes before it.
    fn join_back(&mut self, before: u32, behind: u32) {
        match behind {
            NONE => self.back = before,
            _ => self.links[behind as usize].before = before,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::{prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn a_queue_behaves_like_a_plain_one(operations in proptest::collection::vec((0..3_u8, 0..12_u32), 0..200)) {
            let mut queue = Available::new(Strategy::RoundRobin);
            let mut set = Available::new(Strategy::Random);
            let mut plain = VecDeque::new();
            for _ in 0..12 {
                queue.grow();
                set.grow();
            }
            for (operation, slot) in operations {
                let contained = plain.contains(&slot);
                let index = SlotIndex(slot);
                match operation {
                    0 => {
                        queue.insert(index, End::Front);
                        set.insert(index, End::Front);
                        if !contained { plain.push_front(slot); }
                    }
                    1 => {
                        queue.insert(index, End::Back);
                        set.insert(index, End::Back);
                        if !contained { plain.push_back(slot); }
                    }
                    _ => {
                        queue.remove(index);
                        set.remove(index);
                        plain.retain(|other| *other != slot);
                    }
                }
                let mut rng = fastrand::Rng::with_seed(7);
                prop_assert_eq!(queue.next(&mut rng, |_| {}).map(|slot| slot.0), plain.front().copied());
                prop_assert_eq!(set.next(&mut rng, |_| {}).is_some_and(|slot| plain.contains(&slot.0)), !plain.is_empty());
                prop_assert_eq!((queue.len(), set.len()), (plain.len(), plain.len()));
                for slot in 0..12 {
                    prop_assert_eq!(queue.contains(SlotIndex(slot)), plain.contains(&slot));
                    prop_assert_eq!(set.contains(SlotIndex(slot)), plain.contains(&slot));
                }
            }
        }
    }

    #[test]
    fn who_is_drawn_ahead_and_leaves_is_not_handed_out_and_each_comes_about_as_often() {
        let mut set = Available::new(Strategy::Random);
        #[expect(clippy::cast_possible_truncation, reason = "a few thousand")]
        let many = 2 * DenseSet::MANY as u32;
        for slot in 0..many {
            set.grow();
            set.insert(SlotIndex(slot), End::Back);
        }
        let mut rng = fastrand::Rng::with_seed(7);
        let mut drawn = vec![0; many as usize];
        let (mut fetched, mut left) = (0, Vec::new());
        for round in 0..200_000 {
            let slot = set.next(&mut rng, |_| fetched += 1).unwrap();
            assert!(set.contains(slot), "round {round}");
            drawn[slot.at()] += 1;
            set.remove(slot);
            left.push(slot);
            // Half of them, at times more than half: few are left then.
            if left.len() > if round % 7 == 0 { 2500 } else { 2000 } {
                left.drain(..).for_each(|slot| set.insert(slot, End::Back));
            }
        }
        assert!(fetched > 0);
        let mean = 200_000 / drawn.len();
        assert!(drawn.iter().all(|times| (mean / 3..mean * 3).contains(times)), "{drawn:?}");
    }
}
