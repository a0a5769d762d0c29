use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
    sync::Arc,
};

use hound::{SampleFormat, WavReader, WavSpec};
use jackfield_types::limits::{MAX_PROMPT_BYTES, MAX_PROMPT_MS};

use super::PromptError;
use crate::media::SAMPLE_RATE;

/// Reads a WAV file as 8 kHz mono.
pub(crate) fn read(file: &Path) -> Result<Arc<[i16]>, PromptError> {
    let failed = |source| PromptError::File {
        file: file.to_owned(),
        source,
    };
    if fs::metadata(file).map_err(failed)?.len() > MAX_PROMPT_BYTES {
        return Err(PromptError::TooLong(file.to_owned()));
    }
    decode(&fs::read(file).map_err(failed)?, file)
}

/// Decodes the bytes of a WAV file; `file` is named in errors.
pub(crate) fn decode(bytes: &[u8], file: &Path) -> Result<Arc<[i16]>, PromptError> {
    let format = |found: String| PromptError::Format {
        file: PathBuf::from(file),
        found,
    };
    let mut reader = WavReader::new(Cursor::new(bytes)).map_err(|e| format(e.to_string()))?;
    let spec = reader.spec();
    if !(1..=2).contains(&spec.channels) || !(8_000..=48_000).contains(&spec.sample_rate) {
        return Err(format(describe(spec)));
    }
    if u64::from(reader.duration()) > MAX_PROMPT_MS * u64::from(spec.sample_rate) / 1_000 {
        return Err(PromptError::TooLong(file.to_owned()));
    }
    let shift = match (spec.sample_format, spec.bits_per_sample) {
        (SampleFormat::Float, 32) => None,
        (SampleFormat::Int, bits @ (8 | 16 | 24 | 32)) => Some(i32::from(bits) - 16),
        _ => return Err(format(describe(spec))),
    };
    let samples: Result<Vec<i16>, _> = match shift {
        None => reader
            .samples::<f32>()
            .map(|s| s.map(|s| (s.clamp(-1.0, 1.0) * 32_767.0) as i16))
            .collect(),
        Some(shift) => reader
            .samples::<i32>()
            .map(|s| s.map(|s| to_16_bit(s, shift)))
            .collect(),
    };
    let samples = samples.map_err(|e| format(e.to_string()))?;
    let mono: Vec<i16> = if spec.channels == 2 {
        samples
            .chunks_exact(2)
            .map(|pair| ((i32::from(pair[0]) + i32::from(pair[1])) / 2) as i16)
            .collect()
    } else {
        samples
    };
    if spec.sample_rate == SAMPLE_RATE {
        return Ok(mono.into());
    }
    Ok(audio_codec::resample(&mono, spec.sample_rate, SAMPLE_RATE).into())
}

fn to_16_bit(sample: i32, shift: i32) -> i16 {
    let sample = if shift < 0 {
        sample << -shift
    } else {
        sample >> shift
    };
    sample.clamp(i32::from(i16::MIN) + 1, i32::from(i16::MAX)) as i16
}

fn describe(spec: WavSpec) -> String {
    let WavSpec {
        channels,
        sample_rate,
        bits_per_sample,
        sample_format,
    } = spec;
    format!("{channels} channels, {sample_rate} Hz, {bits_per_sample} bit {sample_format:?}")
}

#[cfg(test)]
mod tests {
    use hound::WavWriter;
    use proptest::prelude::*;

    use super::*;
    use crate::media::tone::{power, sine};

    fn wav(spec: WavSpec, seconds: f32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
        let top = if spec.bits_per_sample == 32 {
            1 << 30
        } else {
            (1i32 << (spec.bits_per_sample - 1)) - 1
        };
        for n in 0..(spec.sample_rate as f32 * seconds) as u32 {
            let value = f32::sin(n as f32 * 440.0 * std::f32::consts::TAU / spec.sample_rate as f32) * 0.5;
            for _ in 0..spec.channels {
                match spec.sample_format {
                    SampleFormat::Float => writer.write_sample(value).unwrap(),
                    SampleFormat::Int => writer.write_sample((value * top as f32) as i32).unwrap(),
                }
            }
        }
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    fn spec(channels: u16, sample_rate: u32, bits_per_sample: u16, sample_format: SampleFormat) -> WavSpec {
        WavSpec {
            channels,
            sample_rate,
            bits_per_sample,
            sample_format,
        }
    }

    #[test]
    fn every_accepted_format_gives_the_tone_at_8_khz() {
        for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000] {
            for channels in [1, 2] {
                for (bits, format) in [
                    (8, SampleFormat::Int),
                    (16, SampleFormat::Int),
                    (24, SampleFormat::Int),
                    (32, SampleFormat::Int),
                    (32, SampleFormat::Float),
                ] {
                    let spec = spec(channels, rate, bits, format);
                    let sound = decode(&wav(spec, 0.5), Path::new("a.wav")).unwrap();
                    assert!(
                        (3_950..=4_050).contains(&sound.len()),
                        "{spec:?}: {}",
                        sound.len()
                    );
                    assert!(power(&sound, 440.0) > 0.9, "{spec:?}: {}", power(&sound, 440.0));
                    let loud = sound.iter().map(|s| s.unsigned_abs()).max().unwrap();
                    assert!((7_000..18_000).contains(&loud), "{spec:?}: {loud}");
                }
            }
        }
        assert!(power(&sine(440.0, 0.5, 100), 1_000.0) < 0.01);
    }

    #[test]
    fn what_does_not_suit_is_named() {
        let error = |bytes: &[u8]| decode(bytes, Path::new("x/menu.wav")).unwrap_err().to_string();
        let six = error(&wav(spec(6, 8_000, 16, SampleFormat::Int), 0.01));
        assert!(
            six.contains("x/menu.wav") && six.contains("6 channels") && six.contains("mono or stereo"),
            "{six}"
        );
        assert!(error(b"ID3 not a wave").contains("x/menu.wav"));
        assert!(error(&wav(spec(1, 96_000, 16, SampleFormat::Int), 0.01)).contains("96000 Hz"));
        let missing = read(Path::new("/nowhere/at-all.wav")).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/at-all.wav"), "{missing}");
    }

    proptest! {
        #[test]
        fn damaged_files_give_errors_and_no_panic(
            at in 0usize..120, byte in any::<u8>(), cut in 0usize..400
        ) {
            let mut bytes = wav(spec(1, 8_000, 16, SampleFormat::Int), 0.02);
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(cut);
            let _ = decode(&bytes, Path::new("a.wav"));
        }
    }
}
