//! Reading at a place in a file, from any number of threads.

use std::fs::File;
use std::io;

/// Reads from `offset` as much of `buffer` as there is, and answers that part of it.
pub(crate) fn read_at<'b>(file: &File, offset: u64, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    #[cfg(unix)]
    let read_some = std::os::unix::fs::FileExt::read_at;
    #[cfg(windows)]
    let read_some = std::os::windows::fs::FileExt::seek_read;
    let mut length = 0;
    while length < buffer.len() {
        match read_some(file, &mut buffer[length..], offset + length as u64) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(&buffer[..length])
}
