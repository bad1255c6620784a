//! What a row of the operation table says.

/// The method of an operation, as the request must have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Head,
    Put,
    Post,
    Delete,
}

/// What an operation is about, by its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// `/`.
    Service,
    /// `/WriteGetObjectResponse`, which is no bucket.
    ObjectLambda,
    /// `/{bucket}`.
    Bucket,
    /// `/{bucket}/{key}`.
    Object,
}

/// An action that must be allowed on the row's resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// Without a `versionId`.
    pub(super) plain: &'static str,
    /// With one.
    pub(super) versioned: &'static str,
}

/// Headers that mean something on some operations only. Elsewhere S3 ignores them, and they don't
/// go upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// `x-amz-acl`, `x-amz-grant-*`, which are the whole request.
    Acl,
    /// The same, which also demand an action of their own.
    AclWith(&'static str),
    /// `x-amz-tagging`.
    Tagging,
    /// `x-amz-object-lock-*`.
    Lock,
    /// `x-amz-bypass-governance-retention`.
    Bypass,
    /// What a new bucket has from the start.
    NewBucket,
    /// `x-amz-copy-source-*` and the directives.
    Copy,
    /// What a function of Object Lambda answers with.
    ObjectLambda,
}

/// What a body has to be read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// Nothing: it is streamed.
    Nothing,
    /// The objects to delete.
    Delete,
    /// An object's tags.
    ObjectTags,
    /// A bucket's tags.
    BucketTags,
    /// A retention.
    Retention,
    /// A legal hold.
    LegalHold,
    /// The configuration of a new bucket; may be empty.
    NewBucket,
    /// A restore, which mustn't select.
    Restore,
    /// A policy, of which nothing is asked.
    Policy,
    /// A replication, whose role is handed to S3.
    Replication,
}

/// One operation.
#[derive(Debug)]
pub(super) struct Row {
    /// Its name in S3's API.
    pub(super) name: &'static str,
    pub(super) verb: Verb,
    pub(super) level: Level,
    /// The parameters that select it, all of them and no other selecting one.
    pub(super) selectors: &'static [&'static str],
    /// Whether `x-amz-copy-source` selects it.
    pub(super) copies: bool,
    /// Other parameters it may have.
    pub(super) parameters: &'static [&'static str],
    /// Those of them it must have.
    pub(super) required: &'static [&'static str],
    /// What must be allowed, all of it. Empty: refused, by its name.
    pub(super) needs: &'static [Need],
    pub(super) families: &'static [Family],
    pub(super) reads: Reads,
    /// Whether a missing key is answered with 404, which not everyone may be told.
    pub(super) hides: bool,
    /// `s3:ObjectCreationOperation`.
    pub(super) creates: Option<bool>,
    /// Whether checksums are of the object that comes about, and not of the body.
    pub(super) of_object: bool,
}

impl Row {
    const fn new(
        name: &'static str,
        verb: Verb,
        level: Level,
        selectors: &'static [&'static str],
        needs: &'static [Need],
    ) -> Self {
        Self {
            name,
            verb,
            level,
            selectors,
            copies: false,
            parameters: &[],
            required: &[],
            needs,
            families: &[],
            reads: Reads::Nothing,
            hides: false,
            creates: None,
            of_object: false,
        }
    }

    /// An operation on a bucket.
    pub(super) const fn bucket(
        name: &'static str,
        verb: Verb,
        selectors: &'static [&'static str],
        needs: &'static [Need],
    ) -> Self {
        Self::new(name, verb, Level::Bucket, selectors, needs)
    }

    /// An operation on an object.
    pub(super) const fn object(
        name: &'static str,
        verb: Verb,
        selectors: &'static [&'static str],
        needs: &'static [Need],
    ) -> Self {
        Self::new(name, verb, Level::Object, selectors, needs)
    }

    /// An operation without a resource.
    pub(super) const fn any(
        name: &'static str,
        verb: Verb,
        level: Level,
        needs: &'static [Need],
    ) -> Self {
        Self::new(name, verb, level, &[], needs)
    }

    /// An operation that isn't served.
    pub(super) const fn refused(
        name: &'static str,
        verb: Verb,
        level: Level,
        selectors: &'static [&'static str],
    ) -> Self {
        Self::new(name, verb, level, selectors, &[])
    }

    pub(super) const fn copies(self) -> Self {
        Self { copies: true, ..self }
    }

    pub(super) const fn parameters(self, parameters: &'static [&'static str]) -> Self {
        Self { parameters, ..self }
    }

    pub(super) const fn required(self, required: &'static [&'static str]) -> Self {
        Self { required, ..self }
    }

    pub(super) const fn families(self, families: &'static [Family]) -> Self {
        Self { families, ..self }
    }

    pub(super) const fn reads(self, reads: Reads) -> Self {
        Self { reads, ..self }
    }

    pub(super) const fn hides(self) -> Self {
        Self { hides: true, ..self }
    }

    pub(super) const fn creates(self, whole: bool) -> Self {
        Self { creates: Some(whole), ..self }
    }

    pub(super) const fn checksums_of_object(self) -> Self {
        Self { of_object: true, ..self }
    }
}
