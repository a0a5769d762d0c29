use std::{
    env, fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use jackfield_store::{Engine, Space, Store};
use jackfield_types::{OpContext, TenantId};

pub(crate) const ROWS: Space = Space::new("rows");

pub(crate) fn acme() -> OpContext {
    of("acme")
}

pub(crate) fn of(tenant: &str) -> OpContext {
    OpContext::system(TenantId::new(tenant).unwrap(), "test")
}

pub(crate) fn platform() -> OpContext {
    OpContext::system(TenantId::platform(), "test")
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

pub(crate) fn open(folder: &Path) -> Store {
    Store::open(folder).unwrap()
}

pub(crate) fn open_with(folder: &Path, engine: Engine) -> Store {
    Store::open_with(folder, engine).unwrap()
}

/// What the `n`-th event of a writing child looks like: of a length that varies, and checkable.
pub(crate) fn event(n: u64) -> Vec<u8> {
    let mut bytes = n.to_be_bytes().to_vec();
    let len = 16 + (n.wrapping_mul(2_654_435_761) % 3_000) as usize;
    bytes.extend((8..len).map(|at| (n as usize * 31 + at) as u8));
    bytes
}

/// Runs one test of this binary again in a process of its own, with `JACKFIELD_CHILD` set to the folder and
/// `JACKFIELD_ENGINE` to the engine.
pub(crate) fn child(test: &str, folder: &Path, engine: Engine, set: &[(&str, &Path)]) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("JACKFIELD_CHILD", folder)
        .env("JACKFIELD_ENGINE", engine.as_str())
        .envs(set.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The folder to work in, when this process is such a child.
pub(crate) fn child_folder() -> Option<std::path::PathBuf> {
    env::var_os("JACKFIELD_CHILD").map(Into::into)
}

/// The engine that such a child works with.
pub(crate) fn child_engine() -> Engine {
    let name = env::var("JACKFIELD_ENGINE").unwrap();
    Engine::ALL
        .into_iter()
        .find(|engine| engine.as_str() == name)
        .unwrap()
}

/// Repeatable numbers for choosing moments and bytes (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit.max(1)
    }
}

pub(crate) fn files(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}
