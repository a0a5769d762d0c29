#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| jackfield_voice::fuzz::wav(data));
