//! Upstreams' answers over HTTP/1.1: however they are cut, they are the same answer or none, and one that is taken is
//! what hyper takes it for.
#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use poolgate::upstream::hold_answer_to_its_laws;

fuzz_target!(|data: &[u8]| {
    let Some((&[form, size], answer)) = data.split_first_chunk::<2>() else { return };
    let method = if form & 1 == 0 { Method::GET } else { Method::HEAD };
    hold_answer_to_its_laws(&method, answer, usize::from(size) + 1);
});
