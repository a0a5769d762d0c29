use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// A server on this machine that stands in for somebody else's: a thread for each connection, and what all of them share.
pub(crate) struct StandIn<S> {
    /// Where it listens.
    pub(crate) at: SocketAddr,
    pub(crate) shared: Arc<Shared<S>>,
}

/// What a stand-in was told, and what it heard.
#[derive(Default)]
pub(crate) struct Shared<S> {
    state: Mutex<State<S>>,
    changed: Condvar,
}

#[derive(Default)]
struct State<S> {
    own: S,
    let_go: bool,
}

impl<S: Default + Send + 'static> StandIn<S> {
    /// Serves each connection so.
    pub(crate) fn start(serve: fn(&Shared<S>, TcpStream) -> std::io::Result<()>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let shared = Arc::<Shared<S>>::default();
        let serving = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = serving.clone();
                std::thread::spawn(move || drop(serve(&shared, stream)));
            }
        });
        Self { at, shared }
    }
}

impl<S> Shared<S> {
    fn state(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap()
    }

    /// Looks at the state, or changes it; whoever waits looks again.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut S) -> T) -> T {
        let found = look(&mut self.state().own);
        self.changed.notify_all();
        found
    }

    /// Waits until there is something, or says what there is instead.
    pub(crate) fn wait_for<T>(
        &self,
        patience: Duration,
        mut look: impl FnMut(&S) -> Option<T>,
        instead: impl FnOnce(&S) -> String,
    ) -> T {
        let until = Instant::now() + patience;
        let mut state = self.state();
        loop {
            if let Some(found) = look(&state.own) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{}", instead(&state.own));
            state = self.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Waits until whatever hangs is let go.
    pub(crate) fn hang(&self) {
        let mut state = self.state();
        while !state.let_go {
            state = self.changed.wait(state).unwrap();
        }
    }

    /// Lets go whatever hangs, now and later.
    pub(crate) fn let_go(&self) {
        self.state().let_go = true;
        self.changed.notify_all();
    }
}
