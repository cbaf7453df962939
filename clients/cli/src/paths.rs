//! Relative paths of a `sources.yaml` are relative to the file; the server has another working folder.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// Makes `location` and every `${file:…}` of a config absolute.
pub(crate) fn make_absolute(config: &mut Json, folder: &Path) {
    if let Some(Json::String(location)) = config.get_mut("location") {
        absolute_location(location, folder);
    }
    if let Some(Json::Array(locations)) = config.get_mut("location") {
        for location in locations {
            if let Json::String(location) = location {
                absolute_location(location, folder);
            }
        }
    }
    absolute_references(config, folder);
}

fn absolute_location(location: &mut String, folder: &Path) {
    let elsewhere = location.is_empty() || location.contains("://") || location.starts_with("${");
    if !elsewhere {
        *location = join(folder, location);
    }
}

fn absolute_references(value: &mut Json, folder: &Path) {
    match value {
        Json::String(text) => absolute_in_text(text, folder),
        Json::Array(items) => items.iter_mut().for_each(|item| absolute_references(item, folder)),
        Json::Object(map) => map.values_mut().for_each(|item| absolute_references(item, folder)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn absolute_in_text(text: &mut String, folder: &Path) {
    const OPEN: &str = "${file:";
    let mut from = 0;
    while let Some(start) = text[from..].find(OPEN).map(|at| from + at + OPEN.len()) {
        let Some(end) = text[start..].find('}').map(|at| start + at) else { return };
        let path = join(folder, &text[start..end]);
        text.replace_range(start..end, &path);
        from = start + path.len();
    }
}

fn join(folder: &Path, path: &str) -> String {
    let joined = folder.join(path);
    // Fails only for an empty path or where there is no working folder; the server then names the path as it is.
    std::path::absolute(&joined).unwrap_or(joined).to_string_lossy().into_owned()
}

/// The folder that a file's relative paths start from.
pub(crate) fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn relative_paths_start_from_the_file() {
        let mut config = json!({
            "location": "data/*.csv",
            "headers": {"Authorization": "Bearer ${file:token} ${env:A} ${file:/etc/b}${file:./c}"},
            "url": "data/x",
        });
        make_absolute(&mut config, Path::new("/home/me/"));
        assert_eq!(
            config,
            json!({
                "location": "/home/me/data/*.csv",
                "headers": {"Authorization": "Bearer ${file:/home/me/token} ${env:A} ${file:/etc/b}${file:/home/me/c}"},
                "url": "data/x",
            })
        );
    }

    #[test]
    fn other_locations_stay() {
        for location in ["/abs/x.csv", "s3://b/x", "http://a/x.csv", "${env:DIR}/x.csv"] {
            let mut config = json!({ "location": location });
            make_absolute(&mut config, Path::new("/home"));
            assert_eq!(config["location"], location);
        }
    }

    #[test]
    fn a_bare_file_name_means_the_working_folder() {
        assert_eq!(folder_of(Path::new("sources.yaml")), Path::new("."));
        assert_eq!(folder_of(Path::new("a/sources.yaml")), Path::new("a"));
    }
}
