//! One datagram: what is read survives writing; what is refused is answered without harm; and no
//! text put into a message gets out of its field.

#![no_main]

mod sip;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use stox::codec::sip::parse_datagram;

fuzz_target!(|octets: &[u8]| {
    match parse_datagram(Bytes::copy_from_slice(octets)) {
        Ok(None) => {}
        Ok(Some(message)) => {
            sip::survives_writing(&message);
            sip::every_header_is_asked(message.headers());
            sip::nothing_breaks_out(&message, octets);
        }
        Err(malformed) => sip::is_answered_without_harm(malformed),
    }
});
