//! Any bytes as a request of the spamd protocol: no panic, errors of one plain line, an envelope that is inside.
#![no_main]

use bypost::front::headers;
use bypost::front::spamd::codec;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some(end) = codec::head_end(data) {
        assert!(end <= data.len());
    }
    if let Err(bad) = codec::parse(data) {
        let told = bad.to_string();
        assert!(told.len() < 200 && told.bytes().all(|b| (b' '..=b'~').contains(&b)), "{told:?}");
    }
    assert!(codec::envelope_length(data) <= data.len());
    let parts = headers::divide_all(data);
    assert_eq!([parts.envelope, parts.header, parts.rest].concat(), data);
    let header = headers::rewrite(parts.header, &[], "[x]");
    let forged = headers::each_field(&header).filter(|f| headers::is_forged(f)).count();
    assert_eq!(forged, 0);
});
