//! Forms of browsers and others, cut anywhere.

use proptest::prelude::*;

use super::*;

fn boundary(text: &str) -> Boundary {
    Boundary::of(&format!("multipart/form-data; boundary={text}")).unwrap()
}

#[test]
fn a_boundary_is_a_forms() {
    for good in
        ["multipart/form-data; boundary=x", "Multipart/Form-Data ;charset=utf-8; Boundary=\"x\""]
    {
        assert_eq!(Boundary::of(good), Some(Boundary((*b"\r\n--x").into())), "{good}");
    }
    let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
    for bad in [
        "multipart/form-data",
        "multipart/mixed; boundary=x",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=a@b",
        "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=x; boundary=y",
        "multipart/form-data; boundary",
        long.as_str(),
    ] {
        assert_eq!(Boundary::of(bad), None, "{bad}");
    }
}

/// Reads a form that comes in pieces of `size`: its fields, and what is in the file.
fn read(form: &[u8], size: usize) -> Result<(Vec<Field>, Option<Vec<u8>>), MultipartError> {
    let mut fields = Fields::new(boundary("x"));
    let mut at = None;
    for end in (0..form.len()).step_by(size).skip(1).chain([form.len()]) {
        match fields.read(&form[..end])? {
            Read::More => {}
            Read::File(begins) => {
                at = Some(begins);
                break;
            }
            Read::End => return Ok((fields.into_fields(), None)),
        }
    }
    let Some(at) = at else { return Err(MultipartError("it ends early")) };
    let (mut end, mut file) = (FileEnd::new(boundary("x")), Vec::new());
    for piece in form[at..].chunks(size) {
        let mut piece = Bytes::copy_from_slice(piece);
        while !piece.is_empty() {
            file.extend_from_slice(&end.read(&mut piece)?.unwrap_or_default());
        }
    }
    end.finish().map(|()| (fields.into_fields(), Some(file)))
}

fn everywhere(form: &str) -> Result<(Vec<Field>, Option<Vec<u8>>), MultipartError> {
    let whole = read(form.as_bytes(), usize::MAX >> 1);
    for size in 1..form.len() {
        assert_eq!(read(form.as_bytes(), size), whole, "in pieces of {size}: {form:?}");
    }
    whole
}

fn field(name: &str, value: &str) -> Field {
    Field { name: name.to_owned(), filename: None, value: value.to_owned() }
}

#[test]
fn fields_come_before_the_file() {
    let form = "--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na/${filename}\r\n\
                --x\r\nContent-Type: text/plain\r\ncontent-disposition:form-data;name=\"a%22b\"\r\n\r\n\r\n\
                --x\r\nContent-Disposition: form-data; name=\"c\\\"d\\e\"\r\n\r\n\u{fc}\r\n-x\r\n\
                --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\dir\\\u{fc} b.txt\"\r\n\
                Content-Type: text/plain\r\n\r\nfile\r\n--\r\n--y\r\r\n--x--\r\n";
    let (fields, file) = everywhere(form).unwrap();
    let expected =
        [field("key", "a/${filename}"), field("a\"b", ""), field("c\"d\\e", "\u{fc}\r\n-x")];
    assert_eq!(fields[..3], expected);
    assert_eq!(
        (fields[3].name.as_str(), fields[3].filename.as_deref()),
        ("file", Some("\u{fc} b.txt"))
    );
    assert_eq!(file.unwrap(), b"file\r\n--\r\n--y\r");
    assert_eq!(Boundary::closing(&boundary("x")), "\r\n--x--\r\n".len());
}

#[test]
fn what_follows_the_file_is_ignored() {
    let file = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n";
    for end in ["\r\n--x--", "\r\n--x--\r\n", "\r\n--x--\r\nepilogue", "\r\n--x\r\nnonsense"] {
        let (fields, file) = everywhere(&format!("{file}{end}")).unwrap();
        assert_eq!((fields[0].filename.as_deref(), file.unwrap().len()), (Some(""), 0), "{end:?}");
    }
    let (_, file) =
        everywhere("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n")
            .unwrap();
    assert_eq!(file, None);
}

#[test]
fn other_forms_are_refused() {
    let part = "Content-Disposition: form-data; name=\"a\"";
    for (form, why) in [
        (format!("\r\n--x\r\n{part}\r\n\r\n"), "it doesn't begin with its boundary"),
        (format!("preamble\r\n--x\r\n{part}\r\n\r\n"), "it doesn't begin with its boundary"),
        (format!("--xy\r\n{part}\r\n\r\n1\r\n--x--"), "a boundary isn't a whole line"),
        (format!("--x\r\n{part}\r\n\r\n1\r\n--x \r\n"), "a boundary isn't a whole line"),
        (format!("--x\r\n{part}\r\n{part}\r\n\r\n"), "a part says twice what it is"),
        ("--x\r\nContent-Type: text/plain\r\n\r\n1".to_owned(), "a part doesn't say what it is"),
        ("--x\r\n\r\n1\r\n\r\n".to_owned(), "a part has no head"),
        (
            format!("--x\r\n{part}\r\nContent-Transfer-Encoding: base64\r\n\r\n"),
            "a part is in a transfer encoding",
        ),
        (format!("--x\r\n{part}; filename=\"a\"\r\n\r\nfile\r\n--x"), "it ends early"),
        (
            format!("--x\r\n{part}; filename=\"a\"\r\n\r\nfile\r\n--xy"),
            "a boundary isn't a whole line",
        ),
        (format!("--x\r\n{part}\r\n\r\n1"), "it ends early"),
    ] {
        assert_eq!(everywhere(&form), Err(MultipartError(why)), "{form:?}");
    }
    for disposition in [
        "form-data",
        "attachment; name=\"a\"",
        "form-data; name=a",
        "form-data; name=\"a",
        "form-data; name=\"a\"; name=\"b\"",
        "form-data; name=\"a\"; filename*=utf-8''b",
        "form-data; name=\"a\" b",
        "form-datax; name=\"a\"",
    ] {
        let form = format!("--x\r\nContent-Disposition: {disposition}\r\n\r\n");
        let expected = MultipartError("a part's Content-Disposition can't be read");
        assert_eq!(everywhere(&form), Err(expected), "{disposition}");
    }
}

proptest! {
    /// However a file looks, and wherever it is cut, it comes out as it went in.
    #[test]
    fn any_file_comes_out(
        file in prop::collection::vec(prop::sample::select(b"\r\n-xa".to_vec()), 0..60),
        size in 1_usize..20,
    ) {
        let mut form = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n".to_vec();
        form.extend_from_slice(&file);
        form.extend_from_slice(b"\r\n--x--\r\n");
        let found = read(&form, size);
        prop_assert_eq!(&found, &read(&form, usize::MAX >> 1));
        if !file.windows(5).any(|five| five == b"\r\n--x") {
            prop_assert_eq!(found.unwrap().1.unwrap(), file);
        }
    }
}
