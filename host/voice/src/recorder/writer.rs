use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::BufWriter,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::Receiver,
    },
};

use hound::{SampleFormat, WavSpec, WavWriter};
use jackfield_contact::leg::Recording;
use jackfield_types::{LegId, Timestamp, limits::MAX_RECORDING_MS};

use super::{Done, Message, Pair, RecordError};
use crate::{
    activity::Activity,
    media::{FRAME, Frame, SAMPLE_RATE},
};

const FRAME_MS: u64 = 20;
/// Frames after which the header is brought up to date: a second.
const FLUSH_FRAMES: u32 = 50;

/// Writes until every recorder and tape is dropped.
pub(super) fn run(inbox: &Receiver<Message>, backlog: &AtomicUsize, done: &Done) {
    let mut open: HashMap<u64, Open> = HashMap::new();
    for message in inbox {
        match message {
            Message::Start { id, leg, file, at } => match Open::create(leg, &file, at) {
                Ok(recording) => drop(open.insert(id, recording)),
                Err(reason) => done(leg, Err(RecordError { file, reason })),
            },
            Message::Frames { id, index, frames } => {
                backlog.fetch_sub(frames.len(), Ordering::Relaxed);
                let Some(recording) = open.get_mut(&id) else {
                    continue;
                };
                let written = recording
                    .silence_until(index)
                    .and_then(|()| recording.write_all(&frames));
                if written.is_err() || recording.is_full() {
                    close(open.remove(&id), written, done);
                }
            }
            Message::Stop { id, frames } => {
                if let Some(mut recording) = open.remove(&id) {
                    let written = recording.silence_until(frames);
                    close(Some(recording), written, done);
                }
            }
        }
    }
    for (_, recording) in open.drain() {
        close(Some(recording), Ok(()), done);
    }
}

fn close(recording: Option<Open>, written: hound::Result<()>, done: &Done) {
    let Some(recording) = recording else { return };
    let (leg, file) = (recording.leg, recording.file.clone());
    let result = written.and_then(|()| recording.finish());
    done(leg, result.map_err(|reason| RecordError { file, reason }));
}

/// A recording whose file is open.
struct Open {
    leg: LegId,
    file: PathBuf,
    at: Timestamp,
    writer: WavWriter<BufWriter<File>>,
    frames: u32,
    activity: Activity,
}

impl Open {
    fn create(leg: LegId, file: &Path, at: Timestamp) -> hound::Result<Self> {
        if let Some(dir) = file.parent() {
            fs::create_dir_all(dir)?;
        }
        let spec = WavSpec {
            channels: 2,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let handle = OpenOptions::new().write(true).create_new(true).open(file)?;
        let mut writer = WavWriter::new(BufWriter::new(handle), spec)?;
        writer.flush()?;
        Ok(Self {
            leg,
            file: file.to_owned(),
            at,
            writer,
            frames: 0,
            activity: Activity::default(),
        })
    }

    fn is_full(&self) -> bool {
        u64::from(self.frames) * FRAME_MS >= MAX_RECORDING_MS
    }

    fn silence_until(&mut self, frame: u32) -> hound::Result<()> {
        while self.frames < frame && !self.is_full() {
            self.write(&[0; FRAME], &[0; FRAME], false)?;
        }
        Ok(())
    }

    fn write_all(&mut self, frames: &[Pair]) -> hound::Result<()> {
        for Pair { left, right, talking } in frames {
            if !self.is_full() {
                self.write(left, right, *talking)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, left: &Frame, right: &Frame, talking: bool) -> hound::Result<()> {
        let mut samples = self.writer.get_i16_writer(2 * FRAME as u32);
        for (left, right) in left.iter().zip(right) {
            samples.write_sample(*left);
            samples.write_sample(*right);
        }
        samples.flush()?;
        self.activity.push(left, right, talking);
        self.frames += 1;
        if self.frames.is_multiple_of(FLUSH_FRAMES) {
            self.writer.flush()?;
        }
        Ok(())
    }

    fn finish(self) -> hound::Result<Recording> {
        self.writer.finalize()?;
        Ok(Recording {
            file: self.file.to_string_lossy().into(),
            started_at: self.at,
            length_ms: u64::from(self.frames) * FRAME_MS,
            speech: self.activity.finish(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use jackfield_types::{InteractionId, limits::MAX_WAITING_FRAMES};

    use super::*;
    use crate::recorder::Recorder;

    type Outcome = Result<Recording, RecordError>;

    fn leg() -> LegId {
        LegId::customer(
            "01890a5d-ac96-774b-bcce-b302099a8057"
                .parse::<InteractionId>()
                .unwrap(),
        )
    }

    fn recorder() -> (Recorder, std::thread::JoinHandle<()>, mpsc::Receiver<Outcome>) {
        let (tx, rx) = mpsc::channel();
        let done: Done = Box::new(move |_, outcome| drop(tx.send(outcome)));
        let (recorder, thread) = Recorder::start(done).unwrap();
        (recorder, thread, rx)
    }

    #[test]
    fn left_and_right_are_kept_apart_and_a_pause_is_silence() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new/one.wav");
        let (recorder, thread, outcomes) = recorder();
        let mut tape = recorder.tape(leg(), file.clone());
        for n in 0..9 {
            tape.pause((3..6).contains(&n));
            tape.write(&[n; FRAME], &[-n; FRAME], true);
        }
        drop(tape);
        drop(recorder);
        thread.join().unwrap();
        assert_eq!(outcomes.recv().unwrap().unwrap().length_ms, 180);
        let samples: Vec<i16> = hound::WavReader::open(&file)
            .unwrap()
            .into_samples()
            .map(Result::unwrap)
            .collect();
        assert_eq!(samples.len(), 9 * 2 * FRAME);
        for (n, frame) in (0..9).zip(samples.chunks(2 * FRAME)) {
            let n = if (3..6).contains(&n) { 0 } else { n };
            assert!(frame.chunks(2).all(|pair| pair == [n, -n]), "frame {n}");
        }
    }

    #[test]
    fn a_file_under_way_can_be_read_up_to_the_last_second() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("live.wav");
        let mut open = Open::create(leg(), &file, Timestamp(1)).unwrap();
        assert_eq!(hound::WavReader::open(&file).unwrap().duration(), 0);
        for _ in 0..130 {
            open.write(&[1; FRAME], &[2; FRAME], true).unwrap();
        }
        // As after a crash: what the buffer holds is gone.
        std::mem::forget(open);
        let reader = hound::WavReader::open(&file).unwrap();
        assert_eq!(reader.duration(), 100 * FRAME as u32);
        assert_eq!(
            reader.into_samples::<i16>().filter(Result::is_ok).count(),
            100 * 2 * FRAME
        );
    }

    #[test]
    fn frames_left_out_are_silence_and_the_length_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (recorder, thread, outcomes) = recorder();
        let mut tape = recorder.tape(leg(), dir.path().join("a.wav"));
        let mut half_second = |n: i16| (0..25).for_each(|_| tape.write(&[n; FRAME], &[n; FRAME], true));
        half_second(5);
        recorder.backlog.fetch_add(MAX_WAITING_FRAMES, Ordering::Relaxed);
        half_second(6);
        recorder.backlog.fetch_sub(MAX_WAITING_FRAMES, Ordering::Relaxed);
        half_second(7);
        tape.skip(25);
        tape.write(&[8; FRAME], &[8; FRAME], true);
        drop((tape, recorder));
        thread.join().unwrap();
        let recording = outcomes.recv().unwrap().unwrap();
        let samples: Vec<i16> = hound::WavReader::open(&*recording.file)
            .unwrap()
            .into_samples()
            .map(Result::unwrap)
            .collect();
        let firsts: Vec<i16> = samples
            .chunks(25 * 2 * FRAME)
            .map(|half_second| half_second[0])
            .collect();
        assert_eq!(firsts, [5, 0, 7, 0, 8]);
        assert_eq!(recording.length_ms, 101 * 20);
    }

    #[test]
    fn a_file_that_is_there_is_not_overwritten_and_the_error_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("taken.wav");
        fs::write(&file, "mine").unwrap();
        let (recorder, thread, outcomes) = recorder();
        drop(recorder.tape(leg(), file.clone()));
        drop(recorder);
        thread.join().unwrap();
        let error = outcomes.recv().unwrap().unwrap_err().to_string();
        assert!(
            error.contains("taken.wav") && error.contains("a new file"),
            "{error}"
        );
        assert!(outcomes.recv().is_err());
        assert_eq!(fs::read(&file).unwrap(), b"mine");
    }
}
