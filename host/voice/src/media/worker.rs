use std::{sync::mpsc, thread};

use jackfield_types::LegId;

use super::{MediaError, MediaSink, engine::Order};

pub(crate) struct Handle {
    orders: mpsc::Sender<(LegId, Order)>,
}

impl Handle {
    pub(crate) fn send(&self, leg: LegId, order: Order) {
        // A worker that is gone has no legs left.
        let _ = self.orders.send((leg, order));
    }
}

pub(crate) fn spawn(n: usize, events: MediaSink) -> Result<Handle, MediaError> {
    let (orders, inbox) = mpsc::channel();
    thread::Builder::new()
        .name(format!("media-{n}"))
        .spawn(move || run(&inbox, &events))
        .map_err(MediaError::Thread)?;
    Ok(Handle { orders })
}

fn run(inbox: &mpsc::Receiver<(LegId, Order)>, _events: &MediaSink) {
    while inbox.recv().is_ok() {}
}
