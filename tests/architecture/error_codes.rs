//! The API guide gives each reason of an error the code that the services answer it with.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::documents::read;

const SAID_WITH: &str = "ErrorCode::";

/// Reason and code of the guide's table.
fn explained() -> BTreeMap<String, String> {
    let guide = read("proto/README.md");
    let rows = guide.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let codes =
        rows.filter_map(|(reason, rest)| Some((reason.to_owned(), rest.split_once(" | ")?.0.to_owned())));
    codes.collect()
}

/// Reasons and codes that stand side by side in the sources of the services: `ErrorCode::NotFound, reason::RUN_NOT_FOUND`.
fn answered() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services");
    for service in fs::read_dir(services).expect("the services can be listed") {
        collect(&service.expect("an entry can be read").path().join("src"), &mut found);
    }
    assert!(found.len() > 30, "the reasons are found: {found:?}");
    found
}

fn collect(folder: &Path, found: &mut BTreeSet<(String, String)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source is text");
            found.extend(text.split(SAID_WITH).skip(1).filter_map(pair));
        }
    }
}

/// What follows `ErrorCode::`, if it is a code and its reason.
fn pair(text: &str) -> Option<(String, String)> {
    let (code, rest) = text.split_once(',')?;
    let rest = rest.trim_start().strip_prefix("reason::")?;
    let reason = rest.split(|c: char| !(c.is_ascii_uppercase() || c == '_')).next()?;
    code.chars().all(|c| c.is_ascii_alphanumeric()).then(|| (reason.to_owned(), as_grpc_has_it(code)))
}

/// `NOT_FOUND` of `NotFound`.
fn as_grpc_has_it(code: &str) -> String {
    let mut name = String::new();
    for c in code.chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
    }
    name
}

#[test]
fn each_reason_has_the_code_that_the_api_guide_says() {
    let explained = explained();
    let other = |(reason, code): &(String, String)| explained.get(reason) != Some(code);
    let wrong: Vec<_> = answered().into_iter().filter(other).collect();
    assert!(wrong.is_empty(), "proto/README.md has another code for {wrong:?}");
}
