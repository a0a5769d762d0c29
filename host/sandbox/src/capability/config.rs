use crate::{bindings::cx::host::config::Host, state::State};

impl Host for State {
    fn get(&mut self) -> String {
        self.env.config.to_string()
    }
}
