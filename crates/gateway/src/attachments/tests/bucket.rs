//! The engine over a bucket: a small service in this process that speaks as much S3 as is needed, and is as strict
//! as S3 about parts of 5 MiB.
