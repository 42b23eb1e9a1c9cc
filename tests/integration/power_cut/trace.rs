//! What a process did to its files, as `recorder.c` wrote it down.

use std::path::Path;
use std::process::Command;

/// One thing that was done. Paths are relative to the watched directory, which is itself the empty path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation<'t> {
    Create(&'t str),
    Length(&'t str, u64),
    Write(&'t str, u64, &'t [u8]),
    Rename(&'t str, &'t str),
    Unlink(&'t str),
    RemoveDirectory(&'t str),
    CreateDirectory(&'t str),
    Sync(&'t str),
    SyncData(&'t str),
    /// Handed to the disk, which may have it in its cache only: nothing is durable for that.
    SyncRange,
}

/// The bytes that the recorder wrote.
pub(super) struct Trace(Vec<u8>);

impl Trace {
    pub(super) fn read(path: &Path) -> Self {
        Self(std::fs::read(path).unwrap())
    }

    pub(super) fn operations(&self) -> Vec<Operation<'_>> {
        let mut reader = Reader(&self.0);
        let mut operations = Vec::new();
        while !reader.0.is_empty() {
            operations.push(reader.operation());
        }
        operations
    }
}

struct Reader<'t>(&'t [u8]);

impl<'t> Reader<'t> {
    fn bytes(&mut self, length: usize) -> &'t [u8] {
        let (bytes, rest) = self.0.split_at_checked(length).expect("the trace ends within a record");
        self.0 = rest;
        bytes
    }

    fn length(&mut self) -> usize {
        u32::from_ne_bytes(self.bytes(4).try_into().unwrap()) as usize
    }

    fn path(&mut self, length: usize) -> &'t str {
        std::str::from_utf8(self.bytes(length)).unwrap()
    }

    fn operation(&mut self) -> Operation<'t> {
        let [kind] = *self.bytes(1) else { unreachable!() };
        let lengths = [self.length(), self.length(), self.length()];
        let number = u64::from_ne_bytes(self.bytes(8).try_into().unwrap());
        let (path, other) = (self.path(lengths[0]), self.path(lengths[1]));
        let data = self.bytes(lengths[2]);
        match kind {
            1 => Operation::Create(path),
            2 => Operation::Length(path, number),
            3 => Operation::Write(path, number, data),
            4 => Operation::Rename(path, other),
            5 => Operation::Unlink(path),
            6 => Operation::RemoveDirectory(path),
            7 => Operation::CreateDirectory(path),
            8 => Operation::Sync(path),
            9 => Operation::SyncData(path),
            10 => Operation::SyncRange,
            _ => panic!("the trace has an operation {kind}"),
        }
    }
}

/// Builds the recorder, with the compiler that also links this program.
pub(super) fn build_recorder(library: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/power_cut/recorder.c");
    let mut compile = Command::new("cc");
    compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(library).arg(source);
    let built = compile.args(["-ldl", "-lpthread"]).output().expect("cc, which also links Rust programs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}
