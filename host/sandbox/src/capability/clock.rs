use crate::{
    bindings::cx::host::clock::{Host, Timestamp},
    state::State,
};

impl Host for State {
    fn now(&mut self) -> Timestamp {
        self.env.now.0
    }
}
