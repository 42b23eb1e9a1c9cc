//! The trees in a log that is whole: what the engine would answer, without the engine.
//!
//! The leaves of a tree stand in a chain, from that of the lowest keys on; above them are indexes, which lead to the leaf of a
//! key, or to one before it in the chain (B-link trees). So what a crash left half done is no matter: a leaf that was split
//! and is in no index yet follows the one that it was split off; one that is being merged into the leaf before it is
//! passed over in the index, and reached by the chain as long as that leads to it. Page 0 has the names of the trees, and their
//! roots (`META_PID` in `pagecache/constants.rs`).

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use quick_cache::sync::Cache;

use super::LogImage;
use super::format::{self, Kind};
use super::page::{Index, Leaf, Node};
use super::table::Page;

/// The page with the names of the trees.
const NAMES: u64 = 0;
/// How many pages are kept in memory, those that were asked for most of late. A leaf has some 16 entries, an index some 256.
const CACHED: usize = 1024;
/// No tree is so high.
const HIGHEST: usize = 64;

/// Why a tree cannot be read.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum Fault {
    #[error(transparent)]
    Disk(#[from] io::Error),
    /// A page is not there, or not what it must be.
    #[error("page {0} of the log is not what it must be")]
    Page(u64),
}

/// The trees in a log.
pub(in super::super) struct LogTrees {
    image: LogImage,
    roots: BTreeMap<Vec<u8>, u64>,
    cache: Cache<u64, Arc<Node>>,
}

impl LogTrees {
    /// # Errors
    ///
    /// [`Fault`] where the names of the trees cannot be read.
    pub(in super::super) fn of(image: LogImage) -> Result<Self, Fault> {
        let roots = image.roots()?;
        Ok(Self { image, roots, cache: Cache::new(CACHED) })
    }

    /// The log.
    pub(in super::super) fn image(&self) -> &LogImage {
        &self.image
    }

    /// The root of the tree of that name; `None` where there is no such tree.
    pub(in super::super) fn root(&self, name: &str) -> Option<u64> {
        self.roots.get(name.as_bytes()).copied()
    }

    /// The value of a key.
    pub(in super::super) fn get(&self, root: u64, key: &[u8]) -> Result<Option<Slice>, Fault> {
        let node = self.leaf_of(root, key, true)?;
        let Node::Leaf(leaf) = &*node else { return Ok(None) };
        Ok(leaf.find(key).ok().map(|at| Slice { node: Arc::clone(&node), at, is_key: false }))
    }

    /// The entries from a key on.
    pub(in super::super) fn walk(&self, root: u64, from: &[u8]) -> Walk<'_> {
        Walk { trees: self, begin: Some((root, from.to_vec())), leaf: None }
    }

    /// A page that is part of a tree.
    fn node(&self, number: u64, keep: bool) -> Result<Arc<Node>, Fault> {
        if let Some(node) = self.cache.get(&number) {
            return Ok(node);
        }
        let Some(Page::Present { base, links }) = self.image.table.pages.get(&number) else {
            return Err(Fault::Page(number));
        };
        let mut is_whole = true;
        let mut buffer = Vec::new();
        let node = self.image.node(number, base, links, &mut buffer, &mut |_| is_whole = false)?;
        let node = Arc::new(node.filter(|_| is_whole).ok_or(Fault::Page(number))?);
        if keep || matches!(*node, Node::Index(_)) {
            self.cache.insert(number, Arc::clone(&node));
        }
        Ok(node)
    }

    /// The leaf that has the key, if any has it.
    fn leaf_of(&self, root: u64, key: &[u8], keep: bool) -> Result<Arc<Node>, Fault> {
        let mut number = root;
        for _ in 0..HIGHEST {
            let node = self.right_of(number, key, keep)?;
            match &*node {
                Node::Leaf(_) => return Ok(node),
                Node::Index(index) => number = index.child(key).ok_or(Fault::Page(number))?,
            }
        }
        Err(Fault::Page(number))
    }

    /// The page, or the one behind it that may have the key.
    fn right_of(&self, number: u64, key: &[u8], keep: bool) -> Result<Arc<Node>, Fault> {
        let mut node = self.node(number, keep)?;
        while node.bounds().are_below(key) {
            node = self.next(&node, keep)?.ok_or(Fault::Page(number))?;
        }
        Ok(node)
    }

    /// The page behind another in its chain.
    fn next(&self, node: &Node, keep: bool) -> Result<Option<Arc<Node>>, Fault> {
        let bounds = node.bounds();
        let Some(number) = bounds.next else { return Ok(None) };
        let next = self.node(number, keep)?;
        // It goes on where the other ends, and so none comes twice.
        let follows = !bounds.high.is_empty() && next.bounds().low == bounds.high;
        if follows && bounds.high > bounds.low { Ok(Some(next)) } else { Err(Fault::Page(number)) }
    }
}

impl Node {
    fn bounds(&self) -> &super::page::Bounds {
        match self {
            Self::Leaf(Leaf { bounds, .. }) | Self::Index(Index { bounds, .. }) => bounds,
        }
    }
}

/// A key or a value, as long as somebody wants it.
#[derive(Clone)]
pub(in super::super) struct Slice {
    node: Arc<Node>,
    at: usize,
    is_key: bool,
}

impl AsRef<[u8]> for Slice {
    fn as_ref(&self) -> &[u8] {
        match &*self.node {
            Node::Leaf(leaf) if self.is_key => leaf.key(self.at),
            Node::Leaf(leaf) => leaf.value(self.at),
            Node::Index(_) => &[],
        }
    }
}

/// The entries of a tree, in the order of their keys. A [`Fault`] is its last answer.
pub(in super::super) struct Walk<'t> {
    trees: &'t LogTrees,
    /// The root and the key that it begins at, before it has begun.
    begin: Option<(u64, Vec<u8>)>,
    /// A leaf, and which of its entries comes next.
    leaf: Option<(Arc<Node>, usize)>,
}

impl Walk<'_> {
    fn step(&mut self) -> Result<Option<(Slice, Slice)>, Fault> {
        if let Some((root, key)) = self.begin.take() {
            let node = self.trees.leaf_of(root, &key, false)?;
            let at = match &*node {
                Node::Leaf(leaf) => leaf.find(&key).unwrap_or_else(|at| at),
                Node::Index(_) => 0,
            };
            self.leaf = Some((node, at));
        }
        while let Some((node, at)) = &mut self.leaf {
            if let Node::Leaf(leaf) = &**node
                && *at < leaf.len()
            {
                let slice = |is_key| Slice { node: Arc::clone(node), at: *at, is_key };
                let entry = (slice(true), slice(false));
                *at += 1;
                return Ok(Some(entry));
            }
            self.leaf = self.trees.next(node, false)?.map(|next| (next, 0));
        }
        Ok(None)
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<(Slice, Slice), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.leaf = None;
        }
        step.transpose()
    }
}

impl LogImage {
    /// The names of the trees, and their roots (`impl Serialize for Meta` in `serialization.rs`).
    fn roots(&self) -> Result<BTreeMap<Vec<u8>, u64>, Fault> {
        let Some(Page::Present { base, links }) = self.table.pages.get(&NAMES) else {
            return Err(Fault::Page(NAMES));
        };
        let mut buffer = Vec::new();
        let body =
            self.body(NAMES, base, &mut buffer)?.filter(|_| base.kind == Kind::Other && links.is_empty());
        let mut rest = body.ok_or(Fault::Page(NAMES))?;
        let mut roots = BTreeMap::new();
        while !rest.is_empty() {
            let (name, behind) = format::bytes(rest).ok_or(Fault::Page(NAMES))?;
            let (root, behind) = format::number(behind).ok_or(Fault::Page(NAMES))?;
            roots.insert(name.to_vec(), root);
            rest = behind;
        }
        Ok(roots)
    }
}
