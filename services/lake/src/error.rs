//! Why a lake did not do what it was asked.

/// Why the lake did not do it.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// No such object.
    #[error("the object `{bucket}/{key}` does not exist")]
    NotFound {
        /// Its bucket.
        bucket: String,
        /// Its key.
        key: String,
    },
    /// The key could leave the bucket.
    #[error("`{0}` is no key: parts of letters, digits and `._=-`, joined by `/`")]
    Key(String),
    /// The object is there, and is another.
    #[error("the object `{bucket}/{key}` was written as {expected} and is {found}")]
    Mismatch {
        /// Its bucket.
        bucket: String,
        /// Its key.
        key: String,
        /// Size or checksum as written.
        expected: String,
        /// As found.
        found: String,
    },
    /// The object was replaced while it was read.
    #[error("the object `{bucket}/{key}` changed while it was read")]
    Changed {
        /// Its bucket.
        bucket: String,
        /// Its key.
        key: String,
    },
    /// The store can't be used as it is configured. The message says what to mend.
    #[error("{0}")]
    Setup(String),
    /// The store can't be reached or refuses; the same call may succeed later.
    #[error("the lake could not be used for `{key}`")]
    Store {
        /// The key.
        key: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
