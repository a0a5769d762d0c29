use crate::{bindings::cx::host::config::Host, state::State};

impl Host for State {
    fn get(&mut self) -> String {
        self.env.config.to_string()
    }

    fn size(&mut self) -> u32 {
        self.env.config.len() as u32
    }

    fn word(&mut self, index: u32) -> u64 {
        let text = self.env.config.as_bytes();
        let rest = text.get((index as usize).saturating_mul(8)..).unwrap_or_default();
        let mut word = [0; 8];
        for (byte, from) in word.iter_mut().zip(rest) {
            *byte = *from;
        }
        u64::from_le_bytes(word)
    }
}
