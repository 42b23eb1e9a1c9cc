//! An input that shows on a bar how far it was read.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use crate::progress::Progress;

/// An input that is read from its beginning more than once.
pub(crate) struct CountingInput<R> {
    input: R,
    length: u64,
    readings: u64,
    done: u64,
    told: u64,
    progress: Progress,
}

/// How many bytes are read between two looks at the bar.
const STEP: u64 = 256 << 10;

impl<R> CountingInput<R> {
    /// `readings`: how often it will be read to its end.
    pub(crate) fn new(input: R, length: u64, readings: u64, progress: Progress) -> Self {
        Self { input, length, readings, done: 0, told: 0, progress }
    }
}

impl<R: Read> Read for CountingInput<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.advance(read);
        Ok(read)
    }
}

impl<R> CountingInput<R> {
    fn advance(&mut self, bytes: usize) {
        self.done += bytes as u64;
        if self.done - self.told >= STEP {
            self.told = self.done;
            let total = self.length.saturating_mul(self.readings);
            self.progress.set(self.done.min(total), total);
        }
    }
}

impl<R: BufRead> BufRead for CountingInput<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.input.consume(amount);
        self.advance(amount);
    }
}

impl<R: Seek> Seek for CountingInput<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.input.seek(to)
    }
}
