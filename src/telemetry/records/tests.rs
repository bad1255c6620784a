//! What a log keeps, drops and counts.

use std::{
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use prometheus::IntCounter;
use tokio::{sync::Semaphore, time::sleep};

use super::{BATCH, PAUSE, Post, QUEUE, QUEUE_BYTES, RECENT, Records, Sink, visible};

fn counter() -> IntCounter {
    IntCounter::new("dropped", "dropped").unwrap()
}

fn sink() -> Sink {
    Sink::Http("http://collector".to_owned())
}

/// A collector that takes a batch for every permit, and what it got.
fn collector(permits: &Arc<Semaphore>) -> (Post, Arc<Mutex<Vec<Bytes>>>) {
    let got: Arc<Mutex<Vec<Bytes>>> = Arc::default();
    let (taken, permits) = (Arc::clone(&got), Arc::clone(permits));
    let post: Post = Arc::new(move |_, batch| {
        let (taken, permits) = (Arc::clone(&taken), Arc::clone(&permits));
        Box::pin(async move {
            permits.acquire().await.map_err(|error| error.to_string())?.forget();
            taken.lock().unwrap().push(batch);
            Ok(())
        })
    });
    (post, got)
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_drops_and_counts_and_never_waits() {
    let (dropped, permits) = (counter(), Arc::new(Semaphore::new(0)));
    let (post, got) = collector(&permits);
    let records = Records::start("test", sink(), dropped.clone(), post);
    let recorder = records.recorder();
    let surplus = 100;
    // The writer has taken nothing yet: this task never gives way.
    for number in 0..QUEUE + surplus {
        recorder.record(&number);
    }
    assert_eq!(dropped.get(), surplus as u64);
    permits.add_permits(1000);
    drop(recorder);
    records.finish().await;
    let batches = got.lock().unwrap().clone();
    let text = String::from_utf8(batches.concat()).unwrap();
    let numbers: Vec<usize> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert!(numbers.iter().copied().eq(0..QUEUE), "in order, without a gap");
    assert!(batches.len() <= QUEUE / BATCH + 1);
    assert_eq!(dropped.get(), surplus as u64);
}

#[tokio::test(start_paused = true)]
async fn large_records_fill_the_queue_by_their_bytes_until_they_are_written() {
    let (dropped, permits) = (counter(), Arc::new(Semaphore::new(1000)));
    let (post, got) = collector(&permits);
    let records = Records::start("test", sink(), dropped.clone(), post);
    let recorder = records.recorder();
    let large = "x".repeat(64 << 10);
    let fit = QUEUE_BYTES / (large.len() + 2);
    for round in 1..=3 {
        for _ in 0..fit + 7 {
            recorder.record(&large);
        }
        assert_eq!(dropped.get(), round * 7);
        sleep(2 * PAUSE).await;
    }
    drop(recorder);
    records.finish().await;
    let written: usize = got.lock().unwrap().iter().map(Bytes::len).sum();
    assert_eq!(written, 3 * fit * (large.len() + 3));
}

#[tokio::test(start_paused = true)]
async fn the_last_records_are_kept_newest_first_even_if_they_are_lost() {
    let dropped = counter();
    let post: Post = Arc::new(|_, _| Box::pin(async { Err("down".to_owned()) }));
    let records = Records::start("test", sink(), dropped.clone(), post);
    let count = RECENT + 10;
    for number in 0..count {
        records.recorder().record(&number);
    }
    sleep(2 * PAUSE).await;
    let recent = records.recent().newest_first();
    assert_eq!(recent.len(), RECENT);
    assert_eq!(recent[0], (count - 1).to_string());
    assert_eq!(recent[RECENT - 1], 10.to_string());
    assert_eq!(dropped.get(), count as u64);
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_hangs_puts_off_the_end_for_seconds_only() {
    let permits = Arc::new(Semaphore::new(0));
    let (post, got) = collector(&permits);
    let records = Records::start("test", sink(), counter(), post);
    records.recorder().record(&1);
    let started = tokio::time::Instant::now();
    records.finish().await;
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(got.lock().unwrap().is_empty());
}

#[test]
fn json_is_shown_in_visible_ascii_and_means_the_same() {
    let text = "a\u{9b}31m \u{202e}x\u{2028}\u{7f}\u{1f600}é\n\t\"\\";
    for json in [serde_json::json!({ text: [text] }), serde_json::json!({ "a": 1 })] {
        for written in [json.to_string(), format!("{json:#}")] {
            let shown = visible(written);
            assert!(shown.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')), "{shown}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), json);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn records_are_written_in_visible_ascii() {
    let permits = Arc::new(Semaphore::new(1000));
    let (post, got) = collector(&permits);
    let records = Records::start("test", sink(), counter(), post);
    records.recorder().record(&"\u{9b}2J\u{202e}");
    sleep(2 * PAUSE).await;
    assert_eq!(got.lock().unwrap().concat(), b"\"\\u009b2J\\u202e\"\n");
    records.finish().await;
}

#[tokio::test]
async fn a_log_file_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decisions");
    let (post, _) = collector(&Arc::new(Semaphore::new(0)));
    let records = Records::start("test", Sink::File(path.clone()), counter(), post);
    records.recorder().record(&1);
    records.finish().await;
    let made = std::fs::metadata(&path).unwrap();
    assert_eq!((made.permissions().mode() & 0o777, made.len()), (0o600, 2));
}

#[tokio::test]
async fn without_a_sink_nothing_is_made_or_kept() {
    let post: Post = Arc::new(|_, _| Box::pin(async { Err("down".to_owned()) }));
    let records = Records::start("test", Sink::None, counter(), post);
    let recorder = records.recorder();
    assert!(!recorder.is_on());
    recorder.record(&1);
    assert!(records.recent().newest_first().is_empty());
    records.finish().await;
}
