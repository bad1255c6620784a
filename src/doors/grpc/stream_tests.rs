use std::{collections::VecDeque, convert::Infallible, future::poll_fn};

use http_body_util::combinators::UnsyncBoxBody;

use super::*;

/// A body of these pieces.
fn pieces(pieces: &[&[u8]]) -> UnsyncBoxBody<Bytes, Infallible> {
    struct Pieces(VecDeque<Bytes>);
    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
        }
    }
    Pieces(pieces.iter().map(|piece| Bytes::copy_from_slice(piece)).collect()).boxed_unsync()
}

async fn read(sent: &[&[u8]]) -> (Vec<Bytes>, Result<(), Code>) {
    let mut messages = Messages::new(pieces(sent), 4);
    let mut all = Vec::new();
    loop {
        match messages.next().await {
            Ok(Some(message)) => all.push(message),
            Ok(None) => return (all, Ok(())),
            Err(code) => return (all, Err(code)),
        }
    }
}

#[tokio::test]
async fn reads_messages_however_they_are_cut() {
    let all = vec![Bytes::from("abcd"), Bytes::new(), Bytes::from("e")];
    let sent = b"\0\0\0\0\x04abcd\0\0\0\0\0\0\0\0\0\x01e";
    assert_eq!(read(&[&sent[..]]).await, (all.clone(), Ok(())));
    let single: Vec<&[u8]> = sent.chunks(1).collect();
    assert_eq!(read(&single).await, (all, Ok(())));
    assert_eq!(read(&[]).await, (vec![], Ok(())));
}

#[tokio::test]
async fn refuses_messages_that_are_too_long_or_compressed_or_break_off() {
    let first = vec![Bytes::from("a")];
    let after = |rest: &[u8]| [&b"\0\0\0\0\x01a"[..], rest].concat();
    // Before the rest of it comes.
    let long = read(&[&after(b"\0\0\0\0\x05")]).await;
    assert_eq!(long, (first.clone(), Err(Code::ResourceExhausted)));
    let longest = read(&[&after(b"\0\xff\xff\xff\xff")]).await;
    assert_eq!(longest, (first.clone(), Err(Code::ResourceExhausted)));
    let compressed = read(&[&after(b"\x01\0\0\0\x01b")]).await;
    assert_eq!(compressed, (first.clone(), Err(Code::Unimplemented)));
    for rest in [&b"\0"[..], b"\0\0\0\0\x02b"] {
        assert_eq!(read(&[&after(rest)]).await, (first.clone(), Err(Code::InvalidArgument)));
    }
}

fn serving() -> (watch::Sender<Phase>, watch::Receiver<Phase>) {
    watch::channel(Phase::Serving)
}

async fn frame(body: &mut Reply) -> Option<Frame<Bytes>> {
    body.frame().await.map(|frame| frame.unwrap())
}

#[tokio::test]
async fn says_one_message_after_the_other_and_then_how_it_ended() {
    let (_phase, phase) = serving();
    let seats = Seats::default();
    let response = converse(&seats, &phase, |say| async move {
        say.message(&"one".to_owned()).await;
        say.message(&"two".to_owned()).await;
        Err((Code::NotFound, "no more"))
    });
    assert_eq!(response.headers()["content-type"], "application/grpc");
    assert!(!response.headers().contains_key("grpc-status"));
    let body = response.into_body().collect().await.unwrap();
    let trailers = body.trailers().unwrap();
    assert_eq!(
        (&trailers["grpc-status"], &trailers["grpc-message"]),
        (&"5".parse().unwrap(), &"no more".parse().unwrap())
    );
    assert_eq!(&*body.to_bytes(), b"\0\0\0\0\x05\x0a\x03one\0\0\0\0\x05\x0a\x03two");

    let fine = converse(&seats, &phase, |_say| async { Ok(()) });
    let fine = fine.into_body().collect().await.unwrap();
    assert_eq!(fine.trailers().unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn waits_until_what_it_says_is_taken() {
    let (_phase, phase) = serving();
    let said = Rc::new(Cell::new(0));
    let count = Rc::clone(&said);
    let mut body = converse(&Seats::default(), &phase, |say| async move {
        loop {
            say.message(&"again".to_owned()).await;
            count.set(count.get() + 1);
        }
    })
    .into_body();
    assert_eq!(said.get(), 0, "nobody has asked");
    for taken in 1..4 {
        assert!(frame(&mut body).await.unwrap().is_data());
        assert!(said.get() <= taken + 1, "{} said, {taken} taken", said.get());
    }
}

#[tokio::test]
async fn ends_when_the_process_drains() {
    let (now, phase) = serving();
    let mut body = converse(&Seats::default(), &phase, |say| async move {
        say.message(&"one".to_owned()).await;
        std::future::pending().await
    })
    .into_body();
    assert!(frame(&mut body).await.unwrap().is_data());
    let waits = poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_frame(cx).is_pending())).await;
    assert!(waits);
    now.send(Phase::Leaving).unwrap();
    let waits = poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_frame(cx).is_pending())).await;
    assert!(waits, "it still serves");
    now.send(Phase::Draining).unwrap();
    let end = frame(&mut body).await.unwrap().into_trailers().unwrap();
    assert_eq!(end["grpc-status"], "14");
    assert!(frame(&mut body).await.is_none());
}

#[tokio::test]
async fn has_so_many_conversations_and_no_more() {
    let (_phase, phase) = serving();
    let seats = Seats::default();
    let talk = || converse(&seats, &phase, |_say| std::future::pending());
    let mut all: Vec<_> = (0..MAX_CONVERSATIONS).map(|_| talk()).collect();
    let refused = talk();
    assert_eq!(refused.headers()["grpc-status"], "8");
    drop(all.pop());
    assert!(!talk().headers().contains_key("grpc-status"), "one has gone");
}
