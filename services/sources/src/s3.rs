//! Objects of S3 stores: which ones a location means, and their bytes.

mod access;
mod find;
mod object;
mod place;
mod store;

pub(crate) use access::S3Access;
pub(crate) use find::find;
pub(crate) use object::Object;
pub(crate) use place::{check, is_s3};
