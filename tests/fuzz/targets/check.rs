//! Envoy's questions over gRPC: what is read of a message is what a library reads, and a library reads
//! what is answered.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolgate::doors::hold_check_to_its_laws;

fuzz_target!(|data: &[u8]| hold_check_to_its_laws(data));
