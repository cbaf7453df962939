//! The objects that a location means.

use rfe_lake::{S3Client, S3Object};
use rfe_model::letter::Stage;
use tokio::runtime::Handle;

use super::{
    Object, S3Access,
    place::Place,
    store::{self, failed},
};
use crate::{ReadContext, ReadError, config::rejected_for, error::code, source_file::SourceFile};

/// Keys that are asked for at once: as many as stores give.
const PAGE: usize = 1000;
/// So many objects are held; the lists of files of a run are, too.
const MAX_OBJECTS: usize = 200_000;

/// The objects to read, sorted by key. Blocks its thread, which must be one of the runtime's blocking ones.
///
/// # Errors
/// Permanent if there is none, or as the store has them. `may_be_none`: no match of a glob is no error.
pub(crate) fn find(
    location: &str,
    access: Option<&S3Access>,
    may_be_none: bool,
    context: &ReadContext,
) -> Result<Vec<SourceFile>, ReadError> {
    let place = Place::parse(location).map_err(|reason| rejected_for("location", &reason))?;
    let client = store::open(access, &place, context)?;
    let runtime = Handle::current();
    let found = match place.pattern {
        Some(_) => runtime.block_on(matching(&client, &place))?,
        None => vec![runtime.block_on(one(&client, &place))?],
    };
    if found.is_empty() && !may_be_none {
        let message = format!(
            "no object matches `{location}` below `{}`; wildcards stay within a folder, `**` is for any number of them",
            place.label(place.prefix())
        );
        return Err(ReadError::permanent(Stage::Read, code::FILE_NOT_FOUND, message));
    }
    let file = |object: S3Object| {
        let label = place.label(&object.key);
        SourceFile::object(Object::new(client.clone(), &place.bucket, label, object))
    };
    Ok(found.into_iter().map(file).collect())
}

async fn one(client: &S3Client, place: &Place) -> Result<S3Object, ReadError> {
    let label = place.label(&place.key);
    let refused = match client.head(&place.bucket, &place.key).await {
        Ok(object) => return Ok(object),
        Err(error) => failed(&label, error),
    };
    if !refused.is_permanent() {
        return Err(refused);
    }
    // The answer to HEAD has no body, so it tells neither an object that is missing from a bucket that is, nor what is wrong
    // with the keys. That to a listing does.
    let listed = client.list(&place.bucket, &place.key, None, 1).await;
    let reason = listed.err().map(|error| failed(&label, error));
    Err(reason.filter(ReadError::is_permanent).unwrap_or(refused))
}

async fn matching(client: &S3Client, place: &Place) -> Result<Vec<S3Object>, ReadError> {
    let location = place.label(&place.key);
    let mut found: Vec<S3Object> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = client.list(&place.bucket, place.prefix(), after.as_deref(), PAGE).await;
        let page = page.map_err(|error| failed(&location, error))?;
        let is_last = page.len() < PAGE;
        after = page.last().map(|object| object.key.clone());
        for object in page {
            // A key that looks like a glob is still a key.
            if object.key == place.key {
                return Ok(vec![object]);
            }
            if place.means(&object.key) {
                found.push(object);
            }
        }
        if found.len() > MAX_OBJECTS {
            let message = format!("more than {MAX_OBJECTS} objects match `{location}`; narrow it");
            return Err(ReadError::permanent(Stage::Read, code::BAD_CONFIG, message));
        }
        if is_last {
            break;
        }
    }
    found.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(found)
}
