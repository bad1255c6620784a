use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Course, Ended, Side};

#[tokio::test(start_paused = true)]
async fn what_is_ended_ends_on_both_sides_and_for_whoever_asks_later() {
    let course = Course::default();
    let watch = course.watched();
    let both = async { (course.ended(Side::Up).await, course.ended(Side::Down).await) };
    let (ends, ()) = tokio::join!(both, async {
        sleep(Duration::from_secs(1)).await;
        watch.end(Ended::Withdrawn);
    });
    assert_eq!(ends, (Ended::Withdrawn, Ended::Withdrawn));
    assert_eq!(course.ended(Side::Down).await, Ended::Withdrawn);
    assert!(!watch.is_over());
    drop(course);
    assert!(watch.is_over());
}

#[tokio::test(start_paused = true)]
async fn what_moves_is_not_stalled() {
    let course = Course::default();
    let start = Instant::now();
    let moving = async {
        for _ in 0..3 {
            sleep(Duration::from_secs(2)).await;
            course.mark();
        }
    };
    tokio::join!(moving, course.stalled(Duration::from_secs(3)));
    assert_eq!(start.elapsed(), Duration::from_secs(9));
}
