//! `s3s-fs`'s file system, mended where it would mislead; see the module above.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::access::{S3Access, S3AccessContext};
use s3s::dto::*;
use s3s::path::S3Path;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use tokio::fs;

/// The files.
pub(super) struct Folder {
    files: FileSystem,
    root: PathBuf,
}

/// What an operation of the trait [`S3`] answers.
type Answer<'f, T> = Pin<Box<dyn Future<Output = S3Result<S3Response<T>>> + Send + 'f>>;

/// Operations of the trait [`S3`], each an `async` block. Those without one are served by `s3s-fs` as
/// they should be.
macro_rules! operations {
    ($($operation:ident($this:ident, $request:ident: $input:ident) -> $output:ident $body:block)*) => {$(
        fn $operation<'s, 'f>(&'s $this, $request: S3Request<$input>) -> Answer<'f, $output>
        where
            's: 'f,
            Self: 'f,
        {
            Box::pin(async move $body)
        }
    )*};
    ($($operation:ident($input:ident) -> $output:ident;)*) => {$(
        fn $operation<'s, 'f>(&'s self, request: S3Request<$input>) -> Answer<'f, $output>
        where
            's: 'f,
            Self: 'f,
        {
            self.files.$operation(request)
        }
    )*};
}

impl Folder {
    pub(super) fn open(root: &Path) -> s3s_fs::Result<Self> {
        Ok(Self { files: FileSystem::new(root)?, root: root.to_owned() })
    }

    /// Neither is a folder an object, nor what isn't there.
    fn has_object(&self, bucket: &str, key: &str) -> S3Result<()> {
        match self.root.join(bucket).join(key).is_file() {
            true => Ok(()),
            false => Err(s3_error!(NoSuchKey, "The specified key does not exist.")),
        }
    }

    fn has_upload(&self, id: &str) -> S3Result<()> {
        let uuid = id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        match uuid && self.root.join(format!(".upload-{id}.json")).is_file() {
            true => Ok(()),
            false => Err(s3_error!(NoSuchUpload, "The specified upload does not exist.")),
        }
    }

    /// Where `s3s-fs` keeps an object's ETag and checksums.
    fn info(&self, bucket: &str, key: &str) -> PathBuf {
        let [bucket, key] = [bucket, key].map(|name| URL_SAFE_NO_PAD.encode(name));
        self.root.join(format!(".bucket-{bucket}.object-{key}.internal.json"))
    }

    /// A file of an upload's own, named as what `s3s-fs` removes at a start.
    fn draft(&self, upload: &str) -> PathBuf {
        self.root.join(format!(".tmp.{upload}.internal.part"))
    }

    fn has_source(&self, source: &CopySource) -> S3Result<()> {
        let CopySource::Bucket { bucket, key, .. } = source else {
            return Err(s3_error!(NotImplemented));
        };
        check_key(key)?;
        self.has_object(bucket, key)
    }
}

impl S3 for Folder {
    operations! {
        list_buckets(ListBucketsInput) -> ListBucketsOutput;
        create_bucket(CreateBucketInput) -> CreateBucketOutput;
        head_bucket(HeadBucketInput) -> HeadBucketOutput;
        get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput;
        delete_bucket(DeleteBucketInput) -> DeleteBucketOutput;
        delete_object(DeleteObjectInput) -> DeleteObjectOutput;
        create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput;
    }

    operations! {
        put_object(self, request: PutObjectInput) -> PutObjectOutput {
            let mut request = request;
            unchunk(&mut request.input.content_encoding);
            self.files.put_object(request).await
        }

        upload_part(self, request: UploadPartInput) -> UploadPartOutput {
            self.has_upload(&request.input.upload_id)?;
            self.files.upload_part(request).await
        }

        complete_multipart_upload(self, request: CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput {
            let CompleteMultipartUploadInput { bucket, key, upload_id, .. } = &request.input;
            self.has_upload(upload_id)?;
            let (info, draft) = (self.info(bucket, key), self.draft(upload_id));
            let answer = self.files.complete_multipart_upload(request).await?;
            forget_checksums(&info, &draft).await.map_err(s3s::S3Error::internal_error)?;
            Ok(answer)
        }

        abort_multipart_upload(self, request: AbortMultipartUploadInput) -> AbortMultipartUploadOutput {
            self.has_upload(&request.input.upload_id)?;
            self.files.abort_multipart_upload(request).await
        }

        get_object(self, request: GetObjectInput) -> GetObjectOutput {
            self.has_object(&request.input.bucket, &request.input.key)?;
            let only = Condition::of(&request.input.if_match, &request.input.if_none_match);
            let answer = self.files.get_object(request).await?;
            only.check(answer.output.e_tag.as_ref())?;
            Ok(answer)
        }

        head_object(self, request: HeadObjectInput) -> HeadObjectOutput {
            self.has_object(&request.input.bucket, &request.input.key)?;
            let only = Condition::of(&request.input.if_match, &request.input.if_none_match);
            let answer = self.files.head_object(request).await?;
            only.check(answer.output.e_tag.as_ref())?;
            Ok(answer)
        }

        copy_object(self, request: CopyObjectInput) -> CopyObjectOutput {
            self.has_source(&request.input.copy_source)?;
            self.files.copy_object(request).await
        }

        upload_part_copy(self, request: UploadPartCopyInput) -> UploadPartCopyOutput {
            self.has_upload(&request.input.upload_id)?;
            self.has_source(&request.input.copy_source)?;
            self.files.upload_part_copy(request).await
        }

        delete_objects(self, request: DeleteObjectsInput) -> DeleteObjectsOutput {
            let quiet = request.input.delete.quiet == Some(true);
            request.input.delete.objects.iter().try_for_each(|object| check_key(&object.key))?;
            let mut answer = self.files.delete_objects(request).await?;
            if quiet {
                answer.output.deleted = None;
            }
            Ok(answer)
        }

        list_parts(self, request: ListPartsInput) -> ListPartsOutput {
            self.has_upload(&request.input.upload_id)?;
            let mut answer = self.files.list_parts(request).await?;
            if let Some(parts) = &mut answer.output.parts {
                parts.sort_by_key(|part| part.part_number);
            }
            Ok(answer)
        }

        list_objects(self, request: ListObjectsInput) -> ListObjectsOutput {
            check_delimiter(request.input.delimiter.as_deref())?;
            let encoded = request.input.encoding_type.is_some();
            let mut answer = self.files.list_objects(request).await?;
            let output = &mut answer.output;
            if encoded {
                encode(&mut output.prefix);
                encode(&mut output.marker);
                encode(&mut output.next_marker);
                encode_keys(output.contents.as_mut(), output.common_prefixes.as_mut());
            }
            Ok(answer)
        }

        list_objects_v2(self, request: ListObjectsV2Input) -> ListObjectsV2Output {
            check_delimiter(request.input.delimiter.as_deref())?;
            let encoded = request.input.encoding_type.is_some();
            let mut answer = self.files.list_objects_v2(request).await?;
            let output = &mut answer.output;
            if encoded {
                encode(&mut output.prefix);
                encode(&mut output.start_after);
                encode_keys(output.contents.as_mut(), output.common_prefixes.as_mut());
            }
            Ok(answer)
        }
    }
}

/// Who may use the folder, and for what: whoever signs, for keys that mean the same to everybody.
pub(super) struct Owner {
    root: PathBuf,
}

impl Owner {
    pub(super) fn of(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    fn check(&self, context: &S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        let bucket = match context.s3_path() {
            S3Path::Root => return Ok(()),
            S3Path::Bucket { .. } if context.s3_op().name() == "CreateBucket" => return Ok(()),
            S3Path::Bucket { bucket } => bucket,
            S3Path::Object { bucket, key } => {
                check_key(key)?;
                bucket
            }
        };
        match self.root.join(&**bucket).is_dir() {
            true => Ok(()),
            false => Err(s3_error!(NoSuchBucket, "The specified bucket does not exist")),
        }
    }
}

impl S3Access for Owner {
    fn check<'s, 'c, 'r, 'f>(
        &'s self,
        context: &'c mut S3AccessContext<'r>,
    ) -> Pin<Box<dyn Future<Output = S3Result<()>> + Send + 'f>>
    where
        's: 'f,
        'c: 'f,
        'r: 'f,
        Self: 'f,
    {
        let checked = Self::check(self, context);
        Box::pin(std::future::ready(checked))
    }
}

/// If-Match and If-None-Match of a read.
struct Condition {
    only: Option<ETagCondition>,
    not: Option<ETagCondition>,
}

impl Condition {
    fn of(only: &Option<ETagCondition>, not: &Option<ETagCondition>) -> Self {
        Self { only: only.clone(), not: not.clone() }
    }

    fn check(&self, tag: Option<&ETag>) -> S3Result<()> {
        let same = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(expected) => tag.is_some_and(|tag| tag.weak_cmp(expected)),
        };
        if self.only.as_ref().is_some_and(|only| !same(only)) {
            return Err(s3_error!(PreconditionFailed));
        }
        if self.not.as_ref().is_some_and(same) {
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }
}

/// A path that a file system would resolve to another names nothing here.
fn check_key(key: &str) -> S3Result<()> {
    let path = key.strip_suffix('/').unwrap_or(key);
    let resolved = path.split('/').any(|segment| matches!(segment, "" | "." | ".."));
    match resolved || path.contains('\0') {
        true => Err(s3_error!(InvalidURI, "Couldn't parse the specified URI.")),
        false => Ok(()),
    }
}

/// What was put together of parts has no checksum here: those that `s3s-fs` leaves are the object's that was
/// there before.
async fn forget_checksums(info: &Path, draft: &Path) -> io::Result<()> {
    let mut kept: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&fs::read(info).await?)?;
    let count = kept.len();
    kept.retain(|name, _| !name.starts_with("checksum_"));
    if kept.len() < count {
        fs::write(draft, serde_json::to_vec(&kept)?).await?;
        fs::rename(draft, info).await?;
    }
    Ok(())
}

/// `aws-chunked` is how a body was sent, and not what the object is.
fn unchunk(coding: &mut Option<String>) {
    *coding = coding.take().and_then(|coding| {
        let parts = coding.split(',').map(str::trim);
        let rest = parts.filter(|part| !part.eq_ignore_ascii_case("aws-chunked"));
        Some(rest.collect::<Vec<_>>().join(",")).filter(|rest| !rest.is_empty())
    });
}

fn check_delimiter(delimiter: Option<&str>) -> S3Result<()> {
    match delimiter {
        None | Some("/") => Ok(()),
        Some(_) => Err(s3_error!(NotImplemented, "Only / delimits listings here.")),
    }
}

fn encode_keys(objects: Option<&mut ObjectList>, prefixes: Option<&mut CommonPrefixList>) {
    for object in objects.into_iter().flatten() {
        encode(&mut object.key);
    }
    for prefix in prefixes.into_iter().flatten() {
        encode(&mut prefix.prefix);
    }
}

fn encode(text: &mut Option<String>) {
    if let Some(text) = text {
        *text = utf8_percent_encode(text, ENCODED).to_string();
    }
}

/// As S3 encodes keys in listings: all but unreserved characters and slashes.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');
