use super::*;

fn found(near: &mut Near<u64, u64>, key: u64) -> Option<u64> {
    // Now and then one isn't told.
    (0..2).find_map(|_| near.get(key, key, |_| true)).map(|value| *value)
}

#[test]
fn finds_what_is_there_and_owns_nothing() {
    let mut near = Near::new();
    let (one, two) = (Arc::new(1), Arc::new(2));
    near.put(7, 7, &one);
    near.put(8, 8, &two);
    assert_eq!(
        (found(&mut near, 7), found(&mut near, 8), found(&mut near, 9)),
        (Some(1), Some(2), None)
    );
    drop(one);
    assert_eq!((found(&mut near, 7), found(&mut near, 8)), (None, Some(2)), "the cache dropped it");
    near.put(8, 8, &Arc::new(3));
    assert_eq!(found(&mut near, 8), None, "another value in its place, and dropped");
}

#[test]
fn what_does_not_fit_is_not_found() {
    let mut near = Near::new();
    let value = Arc::new(1u64);
    near.put(7, 7u64, &value);
    assert!(near.get(7, 7, |value| *value == 2).is_none());
    assert!(near.get(7, 6, |_| true).is_none(), "the same place, another key");
}

#[test]
fn the_least_used_of_a_place_makes_room() {
    let mut near = Near::new();
    let values: Vec<Arc<u64>> = (0..=WAYS as u64).map(Arc::new).collect();
    let (last, first) = values.split_last().unwrap();
    for value in first {
        near.put(0, **value, value);
    }
    let get = |near: &mut Near<u64, u64>, key| (0..2).find_map(|_| near.get(0, key, |_| true));
    assert!(get(&mut near, 0).is_some());
    near.put(0, **last, last);
    assert!(get(&mut near, 0).is_some(), "it was used");
    assert!(get(&mut near, 1).is_none(), "nobody had asked for it since it came");
    assert!(get(&mut near, 2).is_some());
    assert!(get(&mut near, WAYS as u64).is_some());
}

#[test]
fn the_cache_is_told_now_and_then() {
    let mut near = Near::new();
    let value = Arc::new(1u64);
    near.put(7, 7u64, &value);
    let asked = 160;
    let told = (0..asked).filter(|_| near.get(7, 7, |_| true).is_none()).count();
    assert_eq!(told, asked / TOLD as usize);
}
