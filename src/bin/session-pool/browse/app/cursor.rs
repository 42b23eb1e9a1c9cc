//! Where one is in a list, and which part of it is seen.

/// Where one is in a list, and which part of it is seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The row that is chosen.
    pub(crate) at: usize,
    /// The first row that is seen.
    pub(crate) top: usize,
}

/// A step through a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
}

impl Cursor {
    /// Steps through a list of so many rows, of which so many are seen.
    pub(crate) fn step(&mut self, step: Step, length: usize, height: usize) {
        let page = height.saturating_sub(1).max(1);
        self.at = match step {
            Step::Up => self.at.saturating_sub(1),
            Step::Down => self.at.saturating_add(1),
            Step::PageUp => self.at.saturating_sub(page),
            Step::PageDown => self.at.saturating_add(page),
            Step::First => 0,
            Step::Last => usize::MAX,
        };
        self.fit(length, height);
    }

    /// Keeps what is chosen within the list, and within what is seen of it.
    pub(crate) fn fit(&mut self, length: usize, height: usize) {
        let height = height.max(1);
        self.at = self.at.min(length.saturating_sub(1));
        self.top = self.top.clamp((self.at + 1).saturating_sub(height), self.at);
        // No empty rows at the end while there are others above.
        self.top = self.top.min(length.saturating_sub(height));
    }

    /// Scrolls a text, in which nothing is chosen.
    pub(crate) fn scroll(&mut self, step: Step, length: usize, height: usize) {
        let (page, last) = (height.saturating_sub(1).max(1), length.saturating_sub(height));
        self.top = match step {
            Step::Up => self.top.saturating_sub(1),
            Step::Down => self.top.saturating_add(1),
            Step::PageUp => self.top.saturating_sub(page),
            Step::PageDown => self.top.saturating_add(page),
            Step::First => 0,
            Step::Last => last,
        }
        .min(last);
        self.at = self.top;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_row_is_in_the_list_and_in_sight_whatever_is_done() {
        let steps = [Step::Up, Step::Down, Step::PageUp, Step::PageDown, Step::First, Step::Last];
        let mut random = fastrand::Rng::with_seed(7);
        let mut cursor = Cursor::default();
        for _ in 0..10_000 {
            let (length, height) = (random.usize(..50), random.usize(..12));
            cursor.step(steps[random.usize(..steps.len())], length, height);
            assert!(cursor.at < length.max(1), "{cursor:?} of {length}");
            assert!((cursor.top..cursor.top + height.max(1)).contains(&cursor.at), "{cursor:?} in {height}");
            assert!(
                cursor.top == 0 || cursor.top + height.max(1) <= length,
                "{cursor:?} of {length} in {height}"
            );
        }
    }
}
