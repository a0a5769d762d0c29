use std::{collections::BTreeMap, fs, os::unix::fs::FileExt, path::Path};

use crate::support::Dice;

const SECTOR: usize = 512;

/// One change or sync, as the shim logged it.
pub(crate) struct Record {
    op: u8,
    /// Relative to the watched folder; empty for the folder itself.
    pub(crate) path: String,
    offset: u64,
    pub(crate) data: Vec<u8>,
}

/// Reads the shim's log.
pub(crate) fn records(log: &Path, root: &Path) -> Vec<Record> {
    let bytes = fs::read(log).unwrap();
    let mut rest = bytes.as_slice();
    let root = root.to_str().unwrap();
    let mut records = Vec::new();
    let take = |rest: &mut &[u8], len: usize| {
        let (head, tail) = rest.split_at(len);
        *rest = tail;
        head.to_vec()
    };
    let relative = |path: Vec<u8>| {
        let path = String::from_utf8(path).unwrap();
        path.strip_prefix(root)
            .unwrap()
            .trim_start_matches('/')
            .to_owned()
    };
    while !rest.is_empty() {
        let op = take(&mut rest, 1)[0];
        let path_len = u32::from_le_bytes(take(&mut rest, 4).try_into().unwrap());
        let path = relative(take(&mut rest, path_len as usize));
        let offset = u64::from_le_bytes(take(&mut rest, 8).try_into().unwrap());
        let data_len = u64::from_le_bytes(take(&mut rest, 8).try_into().unwrap());
        let data = take(&mut rest, data_len as usize);
        let data = if op == b'r' {
            relative(data).into_bytes()
        } else {
            data
        };
        records.push(Record {
            op,
            path,
            offset,
            data,
        });
    }
    records
}

/// A disk that keeps for certain only what was synced: bytes by a sync of their file, names by a sync of
/// their folder.
pub(crate) struct Disk {
    nodes: Vec<Node>,
}

enum Node {
    File {
        synced: Vec<u8>,
        /// Later writes (offset, bytes) and cuts, of which a power cut keeps any.
        later: Vec<Later>,
    },
    /// The entries as synced, and after each change since. A power cut keeps one of them.
    Folder(Vec<BTreeMap<String, usize>>),
}

enum Later {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Disk {
    pub(crate) fn new() -> Self {
        Self {
            nodes: vec![Node::Folder(vec![BTreeMap::new()])],
        }
    }

    /// Plays one record.
    pub(crate) fn play(&mut self, record: &Record) {
        match record.op {
            b'c' if self.find(&record.path).is_some() => {}
            b'c' => self.add(
                &record.path,
                Node::File {
                    synced: Vec::new(),
                    later: Vec::new(),
                },
            ),
            b'd' => self.add(&record.path, Node::Folder(vec![BTreeMap::new()])),
            b'w' => self.change(
                &record.path,
                Later::Write(record.offset as usize, record.data.clone()),
            ),
            b't' => self.change(&record.path, Later::Length(record.offset as usize)),
            b's' => self.sync(&record.path),
            b'u' => {
                self.unlink(&record.path);
            }
            b'r' => {
                let node = self.unlink(&record.path);
                self.link(std::str::from_utf8(&record.data).unwrap(), node);
            }
            other => panic!("unknown record {other}"),
        }
    }

    /// Writes out what a power cut at this moment could leave. `keep`: how many of 4 unsynced changes
    /// survive; those that do may be torn.
    pub(crate) fn cut(&self, dice: &mut Dice, keep: u64, target: &Path) {
        self.write_out(0, dice, keep, target);
    }

    fn write_out(&self, node: usize, dice: &mut Dice, keep: u64, target: &Path) {
        match &self.nodes[node] {
            Node::Folder(history) => {
                fs::create_dir(target).unwrap();
                let last = history.len() as u64 - 1;
                let kept = if keep == 0 { 0 } else { dice.below(last + 1) };
                for (name, node) in &history[kept as usize] {
                    self.write_out(*node, dice, keep, &target.join(name));
                }
            }
            Node::File { synced, later } => {
                let file = fs::File::create(target).unwrap();
                file.write_all_at(synced, 0).unwrap();
                for change in later {
                    if dice.below(4) >= keep {
                        continue;
                    }
                    match change {
                        Later::Length(len) => file.set_len(*len as u64).unwrap(),
                        Later::Write(offset, data) => {
                            let torn = dice.below(2) == 0;
                            for (at, sector) in data.chunks(SECTOR).enumerate() {
                                if !torn || dice.below(2) == 0 {
                                    file.write_all_at(sector, (offset + at * SECTOR) as u64).unwrap();
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn entries(&self, folder: usize) -> &BTreeMap<String, usize> {
        match &self.nodes[folder] {
            Node::Folder(history) => &history[history.len() - 1],
            Node::File { .. } => panic!("a file on the way"),
        }
    }

    fn find(&self, path: &str) -> Option<usize> {
        path.split('/')
            .filter(|part| !part.is_empty())
            .try_fold(0, |node, part| self.entries(node).get(part).copied())
    }

    fn node(&self, path: &str) -> usize {
        self.find(path)
            .unwrap_or_else(|| panic!("{path} is not on the disk"))
    }

    /// Changes the entries of a path's folder.
    fn enter<T>(&mut self, path: &str, change: impl FnOnce(&mut BTreeMap<String, usize>, &str) -> T) -> T {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = self.node(folder);
        let mut entries = self.entries(folder).clone();
        let done = change(&mut entries, name);
        if let Node::Folder(history) = &mut self.nodes[folder] {
            history.push(entries);
        }
        done
    }

    fn add(&mut self, path: &str, node: Node) {
        self.nodes.push(node);
        self.link(path, self.nodes.len() - 1);
    }

    fn link(&mut self, path: &str, node: usize) {
        self.enter(path, |entries, name| entries.insert(name.to_owned(), node));
    }

    fn unlink(&mut self, path: &str) -> usize {
        self.enter(path, |entries, name| entries.remove(name))
            .unwrap_or_else(|| panic!("{path} is not on the disk"))
    }

    fn change(&mut self, path: &str, change: Later) {
        let node = self.node(path);
        match &mut self.nodes[node] {
            Node::File { later, .. } => later.push(change),
            Node::Folder(_) => panic!("{path} is a folder"),
        }
    }

    fn sync(&mut self, path: &str) {
        let node = self.node(path);
        match &mut self.nodes[node] {
            Node::Folder(history) => drop(history.drain(..history.len() - 1)),
            Node::File { synced, later } => {
                for change in later.drain(..) {
                    match change {
                        Later::Length(len) => synced.resize(len, 0),
                        Later::Write(offset, data) => {
                            let end = offset + data.len();
                            if synced.len() < end {
                                synced.resize(end, 0);
                            }
                            synced[offset..end].copy_from_slice(&data);
                        }
                    }
                }
            }
        }
    }
}
