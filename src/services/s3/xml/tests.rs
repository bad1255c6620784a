//! What is read of XML, and what isn't.

use super::*;

fn field(document: &str) -> Result<String, S3Error> {
    let root = Element::read(document.as_bytes(), "Root")?;
    root.children(&["A"])?;
    Ok(root.field("A")?.ok_or(S3Error::MalformedXml)?.to_owned())
}

#[test]
fn text_is_read_as_it_is_meant() {
    for (document, text) in [
        ("<Root><A>x</A></Root>", "x"),
        (
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Root>\n <A> x </A>\n</Root>\n",
            " x ",
        ),
        ("<Root xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><A/></Root>", ""),
        ("<Root xmlns='http://s3.amazonaws.com/doc/2006-03-01'><A></A></Root>", ""),
        ("<Root><A>&lt;&amp;&gt;&quot;&apos;&#65;&#x42;é</A></Root>", "<&>\"'ABé"),
        ("<Root><A>a&amp;amp;b</A></Root>", "a&amp;b"),
    ] {
        assert_eq!(field(document).as_deref(), Ok(text), "{document}");
    }
}

#[test]
fn what_two_parsers_may_read_in_two_ways_is_refused() {
    for document in [
        "",
        "x",
        "<Root>",
        "<Root><A>x</Root></A>",
        "<Root><A>x</A></Root><Root/>",
        "<Root><A>x</A></Root>x",
        "x<Root><A>x</A></Root>",
        "<Other><A>x</A></Other>",
        "<root><A>x</A></root>",
        "<Root><A>x</A><A>y</A></Root>",
        "<Root><A>x</A><B/></Root>",
        "<Root>x<A>x</A></Root>",
        "<Root><A><B/></A></Root>",
        "<Root><A><![CDATA[x]]></A></Root>",
        "<Root><A>x<!-- -->y</A></Root>",
        "<Root><?pi?><A>x</A></Root>",
        "<!DOCTYPE Root><Root><A>x</A></Root>",
        "<!DOCTYPE r [<!ENTITY e \"x\">]><Root><A>&e;</A></Root>",
        "<Root><A>&e;</A></Root>",
        "<Root><A>&nbsp;</A></Root>",
        "<Root><A>a & b</A></Root>",
        "<Root><A>&#0;</A></Root>",
        "<Root><A>&#1;</A></Root>",
        "<Root><A>&#xD800;</A></Root>",
        "<Root><A>\u{1}</A></Root>",
        "<Root a=\"b\"><A>x</A></Root>",
        "<Root><A a=\"b\">x</A></Root>",
        "<Root xmlns=\"urn:x\"><A>x</A></Root>",
        "<Root xmlns:s=\"http://s3.amazonaws.com/doc/2006-03-01/\"><A>x</A></Root>",
        "<Root><A xmlns=\"urn:x\">x</A></Root>",
        "<s:Root><s:A>x</s:A></s:Root>",
        "<?xml version=\"1.1\"?><Root><A>x</A></Root>",
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?><Root><A>x</A></Root>",
        "<Root><?xml version=\"1.0\"?><A>x</A></Root>",
    ] {
        assert_eq!(field(document), Err(S3Error::MalformedXml), "{document}");
    }
    assert!(Element::read(b"<Root><A>\xff</A></Root>", "Root").is_err());
}

#[test]
fn depth_and_count_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "<R>".repeat(depth), "</R>".repeat(depth));
    assert!(Element::read(nested(MAX_DEPTH).as_bytes(), "R").is_ok());
    assert!(Element::read(nested(MAX_DEPTH + 1).as_bytes(), "R").is_err());
    let wide = |count: usize| format!("<R>{}</R>", "<R/>".repeat(count - 1));
    assert!(Element::read(wide(MAX_ELEMENTS).as_bytes(), "R").is_ok());
    assert!(Element::read(wide(MAX_ELEMENTS + 1).as_bytes(), "R").is_err());
}

proptest::proptest! {
    #[test]
    fn what_is_written_reads_the_same(text in "[^\\p{Cc}]{0,20}") {
        let mut document = "<Root>".to_owned();
        write(&mut document, "A", &text);
        document.push_str("</Root>");
        proptest::prop_assert_eq!(field(&document), Ok(text));
    }

    #[test]
    fn never_panics(document in "[<>/&;#!?A-C\"'= x-]{0,40}") {
        let _ = field(&document);
    }
}
