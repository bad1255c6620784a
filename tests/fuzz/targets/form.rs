//! HTML forms: however they are cut, they are the same fields and the same file, or the same refusal; and
//! a file that is put into a form comes out of it.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use poolgate::http::{Boundary, Field, Fields, FileEnd, MultipartError, Read};

fuzz_target!(|data: &[u8]| {
    let Some((cut, form)) = data.split_first() else { return };
    let boundary = Boundary::of("multipart/form-data; boundary=x").unwrap();
    let whole = read(&boundary, form, usize::MAX);
    assert_eq!(read(&boundary, form, usize::from(*cut) + 1), whole);
    let Ok((fields, Some(file))) = whole else { return };
    assert!(fields.last().unwrap().filename.is_some());
    let mut again =
        b"--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\n\r\n".to_vec();
    again.extend_from_slice(&file);
    again.extend_from_slice(b"\r\n--x--\r\n");
    let (_, found) = read(&boundary, &again, 3).unwrap();
    assert_eq!(found, Some(file));
});

type Found = Result<(Vec<Field>, Option<Vec<u8>>), MultipartError>;

fn read(boundary: &Boundary, form: &[u8], size: usize) -> Found {
    let mut fields = Fields::new(boundary.clone());
    let mut end = 0_usize;
    let at = loop {
        end = end.saturating_add(size).min(form.len());
        match fields.read(&form[..end])? {
            Read::File(at) => break at,
            Read::End => return Ok((fields.into_fields(), None)),
            Read::More if end == form.len() => return Err(MultipartError("it ends early")),
            Read::More => {}
        }
    };
    let (mut file_end, mut file) = (FileEnd::new(boundary.clone()), Vec::new());
    for piece in form[at..].chunks(size) {
        let mut piece = Bytes::copy_from_slice(piece);
        while !piece.is_empty() {
            file.extend_from_slice(&file_end.read(&mut piece)?.unwrap_or_default());
        }
    }
    file_end.finish().map(|()| (fields.into_fields(), Some(file)))
}
