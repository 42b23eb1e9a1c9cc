//! Lines of a file, one after the other, none of them longer than it may be.

use std::io::{self, BufRead, Read};

/// The most bytes that a line may have: 32 MiB. The longest that is written has fewer: a session's cookies, user data, proxy
/// and fingerprint are 4 MiB at most, and JSON takes six bytes for one at most.
pub const MAX_LINE_LENGTH: usize = 32 << 20;

/// The lines of `input`.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    /// The number of the line that was read last, from 1.
    number: u64,
    buffer: Vec<u8>,
}

/// What is there instead of a next line.
#[derive(Debug)]
pub(super) enum NoLine {
    Io(io::Error),
    TooLong,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn of(input: R) -> Self {
        Self { input, number: 0, buffer: Vec::new() }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The line that was read last, without its end.
    pub(super) fn line(&self) -> &[u8] {
        &self.buffer
    }

    /// Reads the next line that is not blank; answers whether there is one.
    pub(super) fn advance(&mut self) -> Result<bool, NoLine> {
        loop {
            self.buffer.clear();
            let limit = MAX_LINE_LENGTH as u64 + 2;
            let read = self.input.by_ref().take(limit).read_until(b'\n', &mut self.buffer);
            if read.map_err(NoLine::Io)? == 0 {
                return Ok(false);
            }
            self.number += 1;
            if self.buffer.last() == Some(&b'\n') {
                self.buffer.pop();
            }
            if self.buffer.len() > MAX_LINE_LENGTH {
                return Err(NoLine::TooLong);
            }
            if !self.buffer.iter().all(u8::is_ascii_whitespace) {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_are_passed_over_and_counted() {
        let mut lines = Lines::of(&b"a\n\n \r\nb\r\n\nc"[..]);
        let mut seen = Vec::new();
        while lines.advance().unwrap() {
            seen.push((lines.number(), lines.line().to_vec()));
        }
        assert_eq!(seen, [(1, b"a".to_vec()), (4, b"b\r".to_vec()), (6, b"c".to_vec())]);
    }

    #[test]
    fn a_line_that_has_no_end_takes_bounded_memory() {
        let mut lines = Lines::of(io::BufReader::new(io::repeat(b'x')));
        assert!(matches!(lines.advance(), Err(NoLine::TooLong)));
        assert!(lines.buffer.capacity() <= 4 * MAX_LINE_LENGTH);
        let longest = [vec![b' '; MAX_LINE_LENGTH - 1], b"x\n".to_vec()].concat();
        let mut lines = Lines::of(longest.as_slice());
        assert!(lines.advance().unwrap());
        assert_eq!(lines.line().len(), MAX_LINE_LENGTH);
    }
}
