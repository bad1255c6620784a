//! Amazon Resource Names, and what a check names: a resource and an action.
//!
//! An ARN has six parts, separated by the first five colons; the sixth keeps its colons
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>). In a request every
//! character is literal: `*` and `?` are wildcards in policies only.

use std::borrow::Cow;
use std::fmt;

/// A complete ARN, `arn:partition:service:region:account:resource`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arn {
    text: String,
    colons: [usize; 5],
}

/// Why a text is no ARN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// It doesn't start with `arn:` or has fewer than six parts.
    #[error("not an ARN: write arn:partition:service:region:account:resource")]
    Malformed,
    /// A part that may not be empty is.
    #[error("the {0} of the ARN is empty: write arn:partition:service:region:account:resource")]
    EmptyPart(&'static str),
    /// It is of nothing that can call.
    #[error("not the ARN of a user, a role, a session or an account's root user")]
    NoPrincipal,
    /// Longer than [`MAX_ARN_BYTES`].
    #[error("the ARN is longer than {MAX_ARN_BYTES} bytes")]
    TooLong,
}

/// The longest accepted ARN, in bytes: IAM's 2048 characters and room for UTF-8 in object keys.
pub const MAX_ARN_BYTES: usize = 4096;

impl Arn {
    /// Parses a complete ARN.
    ///
    /// # Errors
    /// If it isn't one: see [`ArnError`].
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        Self::try_from(text.to_owned())
    }

    /// `aws`, `aws-cn`, …
    pub fn partition(&self) -> &str {
        let [first, second, ..] = self.colons;
        self.between(first, second)
    }

    /// `s3`, `dynamodb`, …
    pub fn service(&self) -> &str {
        let [_, second, third, ..] = self.colons;
        self.between(second, third)
    }

    /// The region, empty for global resources.
    pub fn region(&self) -> &str {
        let [_, _, third, fourth, _] = self.colons;
        self.between(third, fourth)
    }

    /// The account id, empty where the service leaves it out (S3).
    pub fn account(&self) -> &str {
        let [.., fourth, fifth] = self.colons;
        self.between(fourth, fifth)
    }

    /// Everything after the fifth colon.
    pub fn resource(&self) -> &str {
        let [.., fifth] = self.colons;
        self.text.get(fifth + 1..).unwrap_or_default()
    }

    /// The first five parts, with the fifth colon.
    pub(super) fn head(&self) -> &str {
        let [.., fifth] = self.colons;
        self.text.get(..=fifth).unwrap_or_default()
    }

    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The six parts, the first of which is `arn`.
    pub(super) fn parts(&self) -> [&str; 6] {
        ["arn", self.partition(), self.service(), self.region(), self.account(), self.resource()]
    }

    fn between(&self, left: usize, right: usize) -> &str {
        self.text.get(left + 1..right).unwrap_or_default()
    }
}

impl TryFrom<String> for Arn {
    type Error = ArnError;

    fn try_from(text: String) -> Result<Self, ArnError> {
        if text.len() > MAX_ARN_BYTES {
            return Err(ArnError::TooLong);
        }
        if !text.starts_with("arn:") {
            return Err(ArnError::Malformed);
        }
        let mut found = memchr::memchr_iter(b':', text.as_bytes());
        let mut colons = [0; 5];
        for colon in &mut colons {
            *colon = found.next().ok_or(ArnError::Malformed)?;
        }
        let arn = Self { text, colons };
        for (part, name) in [
            (arn.partition(), "partition"),
            (arn.service(), "service"),
            (arn.resource(), "resource"),
        ] {
            if part.is_empty() {
                return Err(ArnError::EmptyPart(name));
            }
        }
        Ok(arn)
    }
}

impl ArnError {
    /// A stable code for metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed_arn",
            Self::EmptyPart(_) => "empty_arn_part",
            Self::NoPrincipal => "not_a_principal",
            Self::TooLong => "arn_too_long",
        }
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arn({})", self.text)
    }
}

/// The six parts of any text with five colons, whatever they hold.
pub(super) fn six_parts(text: &str) -> Option<[&str; 6]> {
    let mut parts = text.splitn(6, ':');
    let six = [(); 6].map(|()| parts.next());
    match six {
        [Some(a), Some(b), Some(c), Some(d), Some(e), Some(f)] => Some([a, b, c, d, e, f]),
        _ => None,
    }
}

/// What a check is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// `*`: the action has no resource type (`s3:ListAllMyBuckets`). Only `"Resource": "*"`
    /// matches it, no pattern of an ARN does.
    Any,
    /// One resource.
    Arn(Arn),
}

impl Resource {
    /// The ARN, or `*`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Any => "*",
            Self::Arn(arn) => arn.as_str(),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An action, `service:Name`. Policies match it without regard to ASCII case.
#[derive(Clone, Debug)]
pub struct Action(Cow<'static, str>);

impl Action {
    /// The action `text`. One without a colon has no name, and only `"Action": "*"` matches it.
    pub fn new(text: &str) -> Self {
        Self(Cow::Owned(text.to_owned()))
    }

    /// An action known at compile time; takes no memory.
    pub const fn fixed(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// The whole action; one that is known at compile time takes no memory.
    pub(crate) fn to_text(&self) -> Cow<'static, str> {
        self.0.clone()
    }

    /// The prefix, `s3`.
    pub fn service(&self) -> &str {
        self.0.split_once(':').map_or(self.as_str(), |(service, _)| service)
    }

    /// What follows the prefix, `GetObject`.
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, name)| name)
    }

    /// The whole action.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Action {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Action {}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The partition of a region (IAM User Guide, "Amazon Resource Names").
pub fn partition(region: &str) -> &'static str {
    match region {
        r if r.starts_with("cn-") => "aws-cn",
        r if r.starts_with("us-gov-") => "aws-us-gov",
        r if r.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}
