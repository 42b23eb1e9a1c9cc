//! Many cuts of a recording, and what came of them.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;

use fastrand::Rng;

use super::check::check;
use super::content::Survival;
use super::disk::{ACKS, Disk, Forgets, Image, Tree, write_tree};
use super::recording::{Recording, scratch};
use super::trace::Operation;

#[derive(Default)]
pub(super) struct Tally {
    pub(super) images: usize,
    /// Acknowledgements that were compared to what was found.
    lines: usize,
    survivals: BTreeMap<Survival, usize>,
    /// Images in which changes of names were lost.
    lost_names: usize,
    /// Where each failure was, and what it was.
    pub(super) failures: Vec<String>,
}

impl Tally {
    /// Cuts the power so many times while a recording runs, verifies what is found each time, and answers one of these
    /// trees, in which whoever goes on may begin. The same seed cuts the same recording in the same way.
    pub(super) fn cut_often(
        &mut self,
        recording: &Recording,
        forgets: Forgets,
        count: usize,
        seed: u64,
    ) -> Tree {
        let operations = recording.operations();
        let cuts = cut_points(&operations, count, &mut Rng::with_seed(seed));
        let chosen = Rng::with_seed(seed).usize(..count);
        let mut disk = Disk::new(&recording.before, forgets);
        let (mut done, mut tree) = (0, Tree::new());
        for (number, cut) in cuts.into_iter().enumerate() {
            operations[done..cut].iter().for_each(|operation| disk.apply(*operation));
            done = cut;
            let image = disk.cut(&mut Rng::with_seed(seed.wrapping_add(number as u64)));
            self.check(&image, &format!("seed {seed}, image {number}, cut at {cut} of {}", operations.len()));
            if number == chosen {
                tree = image.tree;
            }
        }
        tree
    }

    fn check(&mut self, image: &Image, at: &str) {
        let directory = scratch();
        self.images += 1;
        for (_, survival) in &image.survivals {
            *self.survivals.entry(*survival).or_default() += 1;
        }
        let (names, of_names) = image.names;
        self.lost_names += usize::from(names < of_names);
        match check(image, directory.path()) {
            Ok(lines) => self.lines += lines,
            Err(failure) => {
                let files = &image.survivals;
                let kept = match std::env::var_os(KEEP) {
                    Some(_) if self.failures.is_empty() => format!(", kept in {}", keep(image).display()),
                    _ => String::new(),
                };
                let names = format!("{names} of {of_names} names survived");
                self.failures.push(format!("{at}{kept}, {names}, {files:?}: {failure}"));
            }
        }
    }
}

/// Set to keep the files of the first image that fails, as they were before they were opened.
const KEEP: &str = "SESSION_POOL_TEST_POWER_CUT_KEEP";

fn keep(image: &Image) -> PathBuf {
    let directory = tempfile::Builder::new().prefix("power-cut-").disable_cleanup(true).tempdir().unwrap();
    write_tree(&image.tree, directory.path());
    directory.path().to_owned()
}

/// Where to cut: anywhere; often where the store is opened first, right after something was told, around syncs, and where
/// much is written and not yet synced.
fn cut_points(operations: &[Operation<'_>], count: usize, random: &mut Rng) -> Vec<usize> {
    let all = operations.len();
    let places = |is: fn(&Operation<'_>) -> bool| -> Vec<usize> {
        operations.iter().enumerate().filter(|(_, operation)| is(operation)).map(|(index, _)| index).collect()
    };
    let told = places(|operation| matches!(operation, Operation::Write(ACKS, ..)));
    let syncs = places(|operation| matches!(operation, Operation::Sync(_) | Operation::SyncData(_)));
    let much = where_much_is_pending(operations);
    let mut cuts: Vec<usize> = (0..count)
        .map(|_| match random.u8(..12) {
            8.. if !much.is_empty() => much[random.usize(..much.len())],
            0..2 => random.usize(..=all),
            2..4 => random.usize(..told[0] + 20),
            4..6 => told[random.usize(..told.len())] + 1,
            _ => syncs[random.usize(..syncs.len())] + random.usize(..3),
        })
        .map(|cut| cut.min(all))
        .collect();
    cuts.sort_unstable();
    cuts
}

/// Where more of a file is written and not yet synced than fits into a segment of the engine.
fn where_much_is_pending(operations: &[Operation<'_>]) -> Vec<usize> {
    const SEGMENT: usize = 512 << 10;
    let mut pending: HashMap<&str, usize> = HashMap::new();
    let mut much = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        match operation {
            Operation::Sync(path) | Operation::SyncData(path) => drop(pending.remove(path)),
            Operation::Write(path, _, data) if *path != ACKS => {
                let pending = pending.entry(path).or_default();
                *pending += data.len();
                if *pending > SEGMENT {
                    much.push(index + 1);
                }
            }
            _ => {}
        }
    }
    much
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { images, lines, survivals, lost_names, failures } = self;
        write!(f, "{images} images, {lines} acknowledgements compared, {lost_names} that lost names, ")?;
        writeln!(f, "files: {survivals:?}")?;
        write!(f, "{} failed", failures.len())?;
        failures.iter().take(20).try_for_each(|failure| write!(f, "\n{failure}"))
    }
}
