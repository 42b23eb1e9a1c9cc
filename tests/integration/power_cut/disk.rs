//! A disk that loses its power: files, the names of files, and what of both is durable.
//!
//! `fsync` and `fdatasync` of a file make its data and its length durable, and not its name. `fsync` of a directory makes
//! the names in it durable. Nothing else makes anything durable.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use fastrand::Rng;

use super::content::{Change, Content, Survival};
use super::trace::Operation;

/// The file that the process tells in what was acknowledged. Whoever was told is not the one whose power went.
pub(super) const ACKS: &str = "ACKS";

/// A sync that the disk forgets, to see whether anybody would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forgets {
    Nothing,
    /// Each `fdatasync` of the file whose path ends so.
    SyncData(&'static str),
    /// Each `fsync` of the file whose path ends so.
    Sync(&'static str),
    /// Each `fsync` of a directory.
    DirectorySyncs,
}

/// A tree of files, by their paths; `None` is a directory.
pub(super) type Tree = BTreeMap<String, Option<Vec<u8>>>;

/// A file or a directory, whatever its name.
type Node = usize;
const ROOT: Node = 0;

/// What the directories say.
#[derive(Debug, Clone, Default)]
struct Names(HashMap<Node, BTreeMap<String, Node>>);

/// A change of the names in one directory.
#[derive(Debug, Clone)]
struct NameChange {
    directory: Node,
    name: String,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Add(Node),
    Remove,
    RenameTo(String),
}

fn directory_and_name(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

impl Names {
    fn find(&self, path: &str) -> Option<Node> {
        path.split('/')
            .filter(|name| !name.is_empty())
            .try_fold(ROOT, |node, name| self.0.get(&node)?.get(name).copied())
    }

    fn apply(&mut self, change: &NameChange) {
        let directory = self.0.entry(change.directory).or_default();
        match &change.what {
            What::Add(node) => drop(directory.insert(change.name.clone(), *node)),
            What::Remove => drop(directory.remove(&change.name)),
            What::RenameTo(name) => {
                if let Some(node) = directory.remove(&change.name) {
                    directory.insert(name.clone(), node);
                }
            }
        }
    }
}

pub(super) struct Disk<'t> {
    contents: Vec<Content<'t>>,
    durable: Names,
    current: Names,
    pending: Vec<NameChange>,
    forgets: Forgets,
}

/// What is found when the power comes back.
pub(super) struct Image {
    pub(super) tree: Tree,
    /// What became of the files that were not durable.
    pub(super) survivals: Vec<(String, Survival)>,
    /// How many changes of names survived, of those that were not durable.
    pub(super) names: (usize, usize),
}

impl<'t> Disk<'t> {
    pub(super) fn new(tree: &Tree, forgets: Forgets) -> Self {
        let names = Names([(ROOT, BTreeMap::new())].into());
        let mut disk = Self {
            contents: vec![Content::default()],
            durable: names.clone(),
            current: names,
            pending: Vec::new(),
            forgets,
        };
        for (path, content) in tree {
            let node = disk.add(path, content.is_none());
            disk.contents[node] = Content::durable(content.clone().unwrap_or_default());
        }
        disk.durable.clone_from(&disk.current);
        disk.pending.clear();
        disk
    }

    fn node(&self, path: &str) -> Node {
        self.current.find(path).unwrap_or_else(|| panic!("the trace changes {path:?}, which it never made"))
    }

    fn rename(&mut self, path: &str, what: What) {
        let (directory, name) = directory_and_name(path);
        let change = NameChange { directory: self.node(directory), name: name.to_owned(), what };
        self.current.apply(&change);
        self.pending.push(change);
    }

    fn add(&mut self, path: &str, is_directory: bool) -> Node {
        let node = self.contents.len();
        self.contents.push(Content::default());
        if is_directory {
            self.current.0.insert(node, BTreeMap::new());
            // It is found there if its name is.
            self.durable.0.insert(node, BTreeMap::new());
        }
        self.rename(path, What::Add(node));
        node
    }

    fn change(&mut self, path: &str, change: Change<'t>) {
        let node = self.node(path);
        self.contents[node].change(change);
        if path == ACKS {
            self.contents[node].sync();
        }
    }

    fn sync(&mut self, path: &str) {
        let node = self.node(path);
        if self.current.0.contains_key(&node) {
            if self.forgets != Forgets::DirectorySyncs {
                for change in self.pending.extract_if(.., |change| change.directory == node) {
                    self.durable.apply(&change);
                }
            }
        } else {
            self.contents[node].sync();
        }
    }

    pub(super) fn apply(&mut self, operation: Operation<'t>) {
        let length = |length| usize::try_from(length).unwrap();
        match operation {
            Operation::Create(path) => drop(self.add(path, false)),
            Operation::CreateDirectory(path) => drop(self.add(path, true)),
            Operation::Length(path, new) => self.change(path, Change::Length(length(new))),
            Operation::Write(path, offset, data) => self.change(path, Change::Write(length(offset), data)),
            Operation::Unlink(path) | Operation::RemoveDirectory(path) => self.rename(path, What::Remove),
            Operation::Rename(from, to) => {
                let (above, _) = directory_and_name(from);
                let (new_above, new_name) = directory_and_name(to);
                if above == new_above {
                    self.rename(from, What::RenameTo(new_name.to_owned()));
                } else {
                    // Each directory has its own half of it: worse than any journal is.
                    self.rename(to, What::Add(self.node(from)));
                    self.rename(from, What::Remove);
                }
            }
            Operation::Sync(path) => match self.forgets {
                Forgets::Sync(end) if path.ends_with(end) => {}
                _ => self.sync(path),
            },
            Operation::SyncData(path) => match self.forgets {
                Forgets::SyncData(end) if path.ends_with(end) => {}
                _ => self.sync(path),
            },
            Operation::SyncRange => {}
        }
    }

    /// What a program sees that runs now.
    pub(super) fn current(&self) -> Tree {
        self.tree(&self.current, |_, content| content.current().into_owned())
    }

    /// Cuts the power, and tells what is found when it comes back. The disk goes on as if nothing had been.
    pub(super) fn cut(&self, random: &mut Rng) -> Image {
        let (names, survived) = self.names_after_cut(random);
        let mut survivals = Vec::new();
        let tree = self.tree(&names, |path, content| {
            let survival = Survival::random(random);
            if content.is_pending() {
                survivals.push((path.to_owned(), survival));
            }
            content.after_cut(survival, random).into_owned()
        });
        Image { tree, survivals, names: (survived, self.pending.len()) }
    }

    /// Names go through a journal, in order: the one of the disk, or one a directory.
    fn names_after_cut(&self, random: &mut Rng) -> (Names, usize) {
        let mut names = self.durable.clone();
        let all = self.pending.len();
        let some = |random: &mut Rng| match random.u8(..4) {
            0 => 0,
            1 => all,
            _ => random.usize(..=all),
        };
        let is_one_journal = random.bool();
        let mut survived = 0;
        let mut survive: HashMap<Node, usize> = HashMap::new();
        for (index, change) in self.pending.iter().enumerate() {
            let journal = if is_one_journal { ROOT } else { change.directory };
            if index < *survive.entry(journal).or_insert_with(|| some(random)) {
                names.apply(change);
                survived += 1;
            }
        }
        (names, survived)
    }

    fn tree(&self, names: &Names, mut content: impl FnMut(&str, &Content<'t>) -> Vec<u8>) -> Tree {
        let mut tree = Tree::new();
        let mut directories = vec![(String::new(), ROOT)];
        while let Some((above, directory)) = directories.pop() {
            for (name, node) in names.0.get(&directory).into_iter().flatten() {
                let path = if above.is_empty() { name.clone() } else { format!("{above}/{name}") };
                if self.current.0.contains_key(node) {
                    tree.insert(path.clone(), None);
                    directories.push((path, *node));
                } else {
                    let bytes = content(&path, &self.contents[*node]);
                    tree.insert(path, Some(bytes));
                }
            }
        }
        tree
    }
}

/// Makes the files of a tree, below a directory that is there.
pub(super) fn write_tree(tree: &Tree, directory: &Path) {
    for (path, content) in tree {
        match content {
            None => std::fs::create_dir(directory.join(path)).unwrap(),
            Some(bytes) => std::fs::write(directory.join(path), bytes).unwrap(),
        }
    }
}

/// The files below a directory.
pub(super) fn read_tree(directory: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(above) = directories.pop() {
        for entry in std::fs::read_dir(above).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                tree.insert(name, None);
                directories.push(path);
            } else {
                tree.insert(name, Some(std::fs::read(path).unwrap()));
            }
        }
    }
    tree
}
