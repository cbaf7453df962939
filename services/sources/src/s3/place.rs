//! `s3://bucket/key`, where the key may be a glob.

use glob::{MatchOptions, Pattern};

use crate::location::is_glob;

const SCHEME: &str = "s3://";
/// As globs of local paths: a wildcard stays within a folder, and a leading dot is a character like any other.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// True if a location is an S3 one.
pub(crate) fn is_s3(location: &str) -> bool {
    location.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
}

/// Checks a location as it is written, references and all.
///
/// # Errors
/// With the reason for a person.
pub(crate) fn check(location: &str) -> Result<(), String> {
    if location.contains("${") {
        return Ok(());
    }
    Place::parse(location).map(|_| ())
}

/// A bucket, and which of its objects.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) bucket: String,
    /// A key, or a glob of keys.
    pub(super) key: String,
    pub(super) pattern: Option<Pattern>,
}

impl Place {
    /// Takes a location apart.
    ///
    /// # Errors
    /// With the reason for a person.
    pub(super) fn parse(location: &str) -> Result<Self, String> {
        let rest = location.get(SCHEME.len()..).unwrap_or_default();
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if is_glob(bucket) {
            return Err(format!("`{bucket}` is no bucket: wildcards are for keys; name one bucket"));
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if bucket.is_empty() || !bucket.chars().all(is_plain) || bucket.starts_with('.') {
            return Err(format!("`{bucket}` is no bucket; write `s3://bucket/folder/file.csv`"));
        }
        if key.is_empty() || key.ends_with('/') {
            return Err(format!(
                "names no object; write a key or a glob, such as `s3://{bucket}/{key}*.csv`"
            ));
        }
        let pattern = if is_glob(key) {
            Some(Pattern::new(key).map_err(|error| format!("`{key}` is no glob: {error}"))?)
        } else {
            None
        };
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned(), pattern })
    }

    /// What all its keys begin with.
    pub(super) fn prefix(&self) -> &str {
        self.key.split(['*', '?', '[']).next().unwrap_or(&self.key)
    }

    /// True if it means this key.
    pub(super) fn means(&self, key: &str) -> bool {
        match &self.pattern {
            // Keys that end so stand for folders.
            Some(_) if key.ends_with('/') => false,
            Some(pattern) => pattern.matches_with(key, OPTIONS),
            None => self.key == key,
        }
    }

    /// How messages, `_file` and the memory of files name an object.
    pub(super) fn label(&self, key: &str) -> String {
        format!("{SCHEME}{}/{key}", self.bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_as_they_are_written() {
        for key in ["a.csv", "a b/c+d%20e.csv", "jahr=2026/größe.csv", "a//b.csv", "./a", "a?v=1"] {
            let place = Place::parse(&format!("s3://b/{key}")).expect(key);
            assert_eq!((place.bucket.as_str(), place.key.as_str()), ("b", key));
            assert_eq!(place.label(key), format!("s3://b/{key}"));
        }
    }

    #[test]
    fn what_names_no_object_is_refused() {
        for (bad, says) in [
            ("s3://", "no bucket"),
            ("s3:///a.csv", "no bucket"),
            ("s3://b", "names no object"),
            ("s3://b/", "names no object"),
            ("s3://b/dir/", "s3://b/dir/*.csv"),
            ("s3://*/a.csv", "wildcards are for keys"),
            ("s3://u:p@b/a.csv", "no bucket"),
            ("s3://../a.csv", "no bucket"),
            ("s3://b/a[.csv", "no glob"),
            ("s3://b/a**.csv", "no glob"),
        ] {
            let reason = check(bad).expect_err(bad);
            assert!(reason.contains(says), "{bad}: {reason}");
        }
        assert_eq!(check("S3://b/a.csv"), Ok(()));
        assert_eq!(check("s3://${env:BUCKET}/*.csv"), Ok(()));
    }

    #[test]
    fn a_glob_means_what_it_means_for_paths() {
        let means = |glob: &str, key: &str| Place::parse(&format!("s3://b/{glob}")).expect(glob).means(key);
        for (glob, yes, no) in [
            ("d/*.csv", &["d/a.csv", "d/.csv", "d/.a.csv"][..], &["d/e/a.csv", "d/a.csv.gz", "D/a.csv"][..]),
            ("d/**/*.csv", &["d/a.csv", "d/e/a.csv", "d/e/f/a.csv"], &["a.csv", "de/a.csv"]),
            ("d/?[0-9].csv", &["d/a1.csv"], &["d/a.csv", "d//1.csv", "d/aa.csv"]),
            ("*/a.csv", &["d/a.csv"], &["a.csv", "d/e/a.csv"]),
            ("**", &[], &["a/", "a/b/"]),
        ] {
            for key in yes {
                assert!(means(glob, key), "{glob} means {key}");
            }
            for key in no {
                assert!(!means(glob, key), "{glob} does not mean {key}");
            }
        }
        assert_eq!(Place::parse("s3://b/d/e-*/x?.csv").expect("glob").prefix(), "d/e-");
    }
}
