//! What a misspelt name may have been meant to be.

/// `; did you mean …?` if one of the names is near.
pub fn suggestion<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> String {
    if name.len() > 40 {
        return String::new();
    }
    let near = names
        .map(|known| (distance(name, known), known))
        .filter(|(far, known)| *far <= 1.max(known.len() / 3))
        .min();
    near.map_or_else(String::new, |(_, known)| format!("; did you mean `{known}`?"))
}

/// How many letters have to be added, dropped or replaced to get from one to the other
/// (Levenshtein), without regard to case.
fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (index, a) in one.chars().enumerate() {
        let mut left = index + 1;
        let mut diagonal = index;
        let mut next = vec![left];
        for (b, up) in other.chars().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(a != b)).min(left + 1).min(up + 1);
            diagonal = *up;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::suggestion;

    #[test]
    fn suggests_what_is_near() {
        let hint = |name| suggestion(name, ["address", "tls", "iam"].into_iter());
        for (name, expected) in [
            ("adress", "; did you mean `address`?"),
            ("Address", "; did you mean `address`?"),
            ("tsl", ""),
            ("tl", "; did you mean `tls`?"),
            ("routes", ""),
            ("", ""),
        ] {
            assert_eq!(hint(name), expected, "{name}");
        }
        assert_eq!(hint(&"address".repeat(1000)), "");
    }
}
