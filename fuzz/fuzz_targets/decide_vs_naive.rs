#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sandgate_fuzz::decide_vs_naive::run(data));
