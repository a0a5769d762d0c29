//! Prompts of every kind, heard by a phone.

use jackfield_contact::leg::Prompt;
use jackfield_voice::media::{MediaEvent, Source};

use crate::media_phone::{Phone, Rig, is_silent, legs, power, sine};

/// A stereo file at 16 kHz of a tone.
fn write_wav(file: &std::path::Path, hertz: f32, ms: u64) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(file, spec).unwrap();
    // Half the frequency at half the rate is the tone at 16 kHz.
    for sample in sine(hertz / 2.0, ms * 2) {
        writer.write_sample(sample).unwrap();
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
}

#[test]
fn files_silence_and_hold_music_are_heard_in_order_and_what_is_missing_is_told() {
    let rig = Rig::start();
    let phone = Phone::start(500.0);
    let (a, _) = legs();
    rig.connect(a, &phone);
    write_wav(&rig.dir.path().join("prompts/acme/welcome.wav"), 900.0, 600);
    phone.hears("silence", is_silent);
    let prompts = [
        Prompt::File("welcome".into()),
        Prompt::File("no-such".into()),
        Prompt::Silence(200),
        Prompt::File("welcome.wav".into()),
    ];
    rig.engine.play(
        a,
        3,
        &"acme".parse().unwrap(),
        prompts.map(Source::Prompt).into(),
        false,
    );
    let heard = phone.hear(1_800);
    let loud: Vec<usize> = (0..heard.len()).filter(|n| heard[*n].abs() > 100).collect();
    let (first, last) = (loud[0], loud[loud.len() - 1]);
    assert!(
        (11_000..11_400).contains(&(last - first)),
        "600 + 200 + 600 ms, but {} samples",
        last - first
    );
    assert!(power(&heard[first..first + 4_700], 900.0) > 0.98);
    assert!(is_silent(&heard[first + 4_900..first + 6_300]));
    assert!(power(&heard[last - 4_700..last], 900.0) > 0.98);
    let (
        _,
        MediaEvent::PlayFinished {
            action: 3,
            interrupted: false,
            failed: Some(failed),
        },
    ) = rig.event()
    else {
        panic!("expected the end of the play with a failure");
    };
    assert!(
        failed.contains("no-such") && !failed.contains("welcome"),
        "{failed}"
    );

    rig.engine.play(
        a,
        4,
        &"acme".parse().unwrap(),
        vec![Source::Prompt(Prompt::HoldMusic)],
        false,
    );
    phone.hears("music", |s| !is_silent(s));
    rig.engine.stop_play(a);
    phone.hears("silence", is_silent);
    rig.engine.shutdown();
    assert_eq!(rig.events.try_iter().count(), 0);
}

/// Without espeak-ng, the failure must say what to install.
#[test]
fn text_is_spoken_in_english_and_chinese() {
    let rig = Rig::start();
    let phone = Phone::start(500.0);
    let (a, _) = legs();
    rig.connect(a, &phone);
    phone.hears("silence", is_silent);
    for (action, text, language) in [
        (1, "Hello, please press one.", "en"),
        (2, "您好，请按一。", "zh-CN"),
    ] {
        let prompt = Prompt::Speech {
            text: text.into(),
            language: language.into(),
        };
        rig.engine.play(
            a,
            action,
            &"acme".parse().unwrap(),
            vec![Source::Prompt(prompt)],
            false,
        );
        let installed = std::process::Command::new("espeak-ng")
            .arg("--version")
            .output()
            .is_ok();
        if installed {
            phone.hears("speech", |s| s.iter().filter(|s| s.abs() > 1_000).count() > 100);
            let expected = MediaEvent::PlayFinished {
                action,
                interrupted: false,
                failed: None,
            };
            assert_eq!(rig.event(), (a, expected));
        } else {
            let (
                _,
                MediaEvent::PlayFinished {
                    failed: Some(failed), ..
                },
            ) = rig.event()
            else {
                panic!("expected a failure");
            };
            assert!(failed.contains("apt-get install espeak-ng"), "{failed}");
        }
    }
    rig.engine.shutdown();
}
