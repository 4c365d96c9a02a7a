#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| seatsync::directory::untrusted::filter(bytes));
