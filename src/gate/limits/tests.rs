//! Rates: what they let through, and what they forget.

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn rate(requests: u32, burst: u32) -> Rate {
    Rate::new(requests, Duration::from_secs(1), burst)
}

fn user(name: &str) -> Principal<'_> {
    Principal::Subject(None, name)
}

#[test]
fn a_burst_goes_at_once_and_then_one_after_the_other() {
    let limits = Limits::new(None, Some(rate(10, 3)));
    let take = |now| limits.count_at(&user("a"), now);
    assert_eq!([take(0), take(0), take(0)], [Ok(()); 3]);
    // A tenth of a second gives one back.
    assert_eq!(take(0), Err(Limited::Principal(SECOND / 10)));
    assert_eq!(take(SECOND / 10 - 1), Err(Limited::Principal(1)));
    assert_eq!(take(SECOND / 10), Ok(()));
    assert!(take(SECOND / 10).is_err());
    // A long time gives back no more than the burst.
    assert_eq!([take(99 * SECOND), take(99 * SECOND), take(99 * SECOND)], [Ok(()); 3]);
    assert!(take(99 * SECOND).is_err());
    // Others have counts of their own.
    assert_eq!(limits.count_at(&user("b"), 99 * SECOND), Ok(()));
}

#[test]
fn who_is_over_its_own_limit_takes_nothing_of_the_others() {
    let limits = Limits::new(Some(rate(1, 3)), Some(rate(1, 1)));
    assert_eq!(limits.count_at(&user("a"), 0), Ok(()));
    for _ in 0..10 {
        assert_eq!(limits.count_at(&user("a"), 0), Err(Limited::Principal(SECOND)));
    }
    assert_eq!(limits.count_at(&user("b"), 0), Ok(()));
    assert_eq!(limits.count_at(&user("c"), 0), Ok(()));
    assert_eq!(limits.count_at(&user("d"), 0), Err(Limited::Route(SECOND)));
}

#[test]
fn a_flood_of_callers_takes_no_memory_and_frees_none_of_who_took_much() {
    let principals = Principals::new(4);
    let slow = Rate::new(1, Duration::from_secs(3600), 100);
    for _ in 0..100 {
        assert_eq!(principals.take(&user("heavy"), slow, 0), Ok(()));
    }
    assert!(principals.take(&user("heavy"), slow, 0).is_err());
    for number in 0..10_000 {
        assert_eq!(principals.take(&Principal::Address(number), slow, 1), Ok(()));
    }
    assert!(principals.take(&user("heavy"), slow, 2).is_err(), "it was forgotten");
    assert_eq!(size_of_val(&*principals.sets), 4 * size_of::<Mutex<[Count; WAYS]>>());
}

#[test]
fn hosts_of_a_network_of_ipv6_are_one_and_mapped_addresses_what_they_map() {
    let of = |text: &str| match Principal::of(&Login::Anonymous, text.parse().unwrap()) {
        Principal::Address(address) => address,
        other => panic!("{other:?}"),
    };
    assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
    assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
}

proptest! {
    /// In any time there are no more than the burst and what the time gives; and who waits as long as it is
    /// told to gets through.
    #[test]
    fn no_more_go_through_than_the_rate_says(
        (requests, burst) in (1u32..50, 1u32..50),
        pauses in prop::collection::vec(0u64..SECOND / 4, 1..200),
    ) {
        let rate = rate(requests, burst);
        let (mut lasts, mut now, mut taken) = (0, 0, Vec::new());
        for pause in pauses {
            now += pause;
            match rate.take(lasts, now) {
                Ok(after) => {
                    lasts = after;
                    taken.push(now);
                }
                Err(wait) => {
                    prop_assert!(rate.take(lasts, now + wait - 1).is_err());
                    prop_assert!(rate.take(lasts, now + wait).is_ok());
                }
            }
        }
        for (at, first) in taken.iter().enumerate() {
            for (count, last) in taken[at..].iter().zip(1u64..).map(|(last, count)| (count, last)) {
                let most = u64::from(burst) + (last - first) / rate.interval;
                prop_assert!(count <= most, "{count} in {} ns", last - first);
            }
        }
    }
}
