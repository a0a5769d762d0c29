use std::path::Path;
use std::time::UNIX_EPOCH;

use jackfield_contact::leg::Recording;
use jackfield_types::Timestamp;

use crate::activity::Activity;
use crate::media::FRAME;

/// What a recording holds whose process died: all but its last second. Who spoke is measured anew; times in which the
/// two were not connected count as dead air, since the file does not tell them apart.
///
/// # Errors
/// The file can't be read or is no two-channel WAV; the text names it.
pub fn salvage(file: &Path) -> Result<Recording, String> {
    let failed = |reason: String| format!("recording {}: {reason}", file.display());
    let written = std::fs::metadata(file)
        .and_then(|data| data.modified())
        .map_err(|error| failed(error.to_string()))?;
    let mut reader = hound::WavReader::open(file).map_err(|error| failed(error.to_string()))?;
    let spec = reader.spec();
    if (spec.channels, spec.sample_rate, spec.bits_per_sample) != (2, 8_000, 16) {
        return Err(failed("expected two channels of 16 bit at 8 kHz".into()));
    }
    let length_ms = u64::from(reader.duration()) * 1_000 / u64::from(spec.sample_rate);
    let mut activity = Activity::default();
    let (mut customer, mut agent) = (Vec::with_capacity(FRAME), Vec::with_capacity(FRAME));
    for sample in reader.samples::<i16>().map_while(Result::ok) {
        if customer.len() == agent.len() {
            customer.push(sample);
            continue;
        }
        agent.push(sample);
        if agent.len() == FRAME {
            activity.push(&customer, &agent, true);
            customer.clear();
            agent.clear();
        }
    }
    let ended = written.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    Ok(Recording {
        file: file.to_string_lossy().into(),
        started_at: Timestamp(ended.saturating_sub(length_ms)),
        length_ms,
        speech: activity.finish(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_is_measured_again_and_what_is_no_recording_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.wav");
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(&file, spec).unwrap();
        for n in 0..16_000 {
            let loud = if n / 8 % 2 == 0 { 9_000 } else { -9_000 };
            writer
                .write_sample::<i16>(if n < 8_000 { loud } else { 0 })
                .unwrap();
            writer.write_sample::<i16>(0).unwrap();
        }
        writer.flush().unwrap();
        // The process died: the writer never closed the file.
        std::mem::forget(writer);
        let found = salvage(&file).unwrap();
        assert_eq!(found.length_ms, 2_000);
        assert!((900..=1_100).contains(&found.speech.customer_ms), "{found:?}");
        assert_eq!(found.speech.agent_ms, 0);
        std::fs::write(&file, b"RIFF").unwrap();
        assert!(salvage(&file).unwrap_err().contains("a.wav"));
    }
}
