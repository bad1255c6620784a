//! Kleene's three-valued logic, in which statements are evaluated.

/// The truth of a condition, an element or a statement.
///
/// An Allow needs [`Truth::True`]; a Deny fires on [`Truth::True`] and [`Truth::Unknown`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Truth {
    /// It holds.
    True,
    /// It doesn't hold.
    False,
    /// It can't be decided: a context key is unknown, or IAM's documentation leaves the case open.
    Unknown,
}

impl Truth {
    /// Kleene's conjunction: false if either is false.
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Unknown,
        }
    }

    /// Kleene's disjunction: true if either is true.
    pub const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::False, Self::False) => Self::False,
            _ => Self::Unknown,
        }
    }

    /// The truth of any of `items`; of none, false. Stops at the first that is true.
    pub fn any(items: impl IntoIterator<Item = Self>) -> Self {
        let mut truth = Self::False;
        for item in items {
            truth = truth.or(item);
            if truth == Self::True {
                break;
            }
        }
        truth
    }

    /// The truth of all of `items`; of none, true. Stops at the first that is false.
    pub fn all(items: impl IntoIterator<Item = Self>) -> Self {
        let mut truth = Self::True;
        for item in items {
            truth = truth.and(item);
            if truth == Self::False {
                break;
            }
        }
        truth
    }

    /// `true`, `false` or `unknown`, as explanations print it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::False => "false",
            Self::Unknown => "unknown",
        }
    }
}

impl std::ops::Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}
