//! Sizes and names of files, and the top of the tree.

use std::{
    fs,
    path::{Path, PathBuf},
};

const MAX_LINES: usize = 500;
const TOP: [&str; 13] = [
    "Cargo.toml",
    "Cargo.lock",
    "LICENSE",
    "buf.yaml",
    "docker-compose.yml",
    "Dockerfile",
    "Makefile",
    "README.md",
    "proto",
    "services",
    "clients",
    "tests",
    "docs",
];
const LEFT_BY_TOOLS: [&str; 2] = ["target", "rfe-data"];
const LANGUAGES: [&str; 5] = ["rs", "py", "ts", "go", "java"];
/// Folders of what is generated, built, installed or recorded.
const NOT_WRITTEN: [&str; 9] =
    ["gen", "target", "node_modules", "dist", "build", ".venv", ".mypy_cache", ".git", "rfe-data"];
/// Nothing is fetched but by name, from where the package manager of the machine looks.
const REGISTRIES: [&str; 6] = [
    concat!("registry.", "npmjs.org"),
    concat!("registry.", "yarnpkg.com"),
    concat!("pypi.", "org/simple"),
    concat!("files.", "pythonhosted.org"),
    concat!("proxy.", "golang.org"),
    concat!("repo.maven", ".apache.org"),
];
const FORBIDDEN: [&str; 8] = ["util", "utils", "common", "helper", "helpers", "misc", "manager", "mod"];
const UNFINISHED: [&str; 4] = ["todo!(", "unimplemented!(", "TODO", "FIXME"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the house").to_owned()
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["proto/rust", "services", "clients", "tests"] {
        collect(&root().join(folder), &mut found, &is_source);
    }
    assert!(found.len() > 100, "the sources are found: {}", found.len());
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>, wanted: &impl Fn(&Path) -> bool) {
    for entry in fs::read_dir(folder).expect("a folder of the house can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            if !NOT_WRITTEN.iter().any(|skipped| path.ends_with(skipped)) {
                collect(&path, found, wanted);
            }
        } else if wanted(&path) {
            found.push(path);
        }
    }
}

// Python's generated code lies among the written one.
fn is_source(path: &Path) -> bool {
    let of_a_language =
        path.extension().is_some_and(|extension| LANGUAGES.iter().any(|known| extension == *known));
    of_a_language && !path.to_string_lossy().contains("_pb2")
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

#[test]
fn a_file_does_one_thing_and_so_is_short() {
    let mut long = Vec::new();
    for path in sources() {
        let lines = fs::read_to_string(&path).expect("a source is text").lines().count();
        if lines > MAX_LINES {
            long.push(format!("{} has {lines} lines", shown(&path)));
        }
    }
    assert!(long.is_empty(), "at most {MAX_LINES}:\n{}", long.join("\n"));
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    for path in sources() {
        for part in path.strip_prefix(root()).expect("below the root").components() {
            let name = part.as_os_str().to_string_lossy();
            let stem = name.rsplit_once('.').map_or(&*name, |(stem, _)| stem);
            assert!(!FORBIDDEN.contains(&stem), "{}", shown(&path));
        }
    }
}

#[test]
fn nothing_is_left_unfinished() {
    let this = shown(Path::new(&root().join("tests/architecture/files.rs")));
    for path in sources() {
        let text = fs::read_to_string(&path).expect("a source is text");
        for word in UNFINISHED {
            assert!(shown(&path) == this || !text.contains(word), "{} has {word}", shown(&path));
        }
    }
}

#[test]
fn the_top_of_the_tree_holds_what_the_design_names() {
    for entry in fs::read_dir(root()).expect("the root can be read") {
        let name = entry.expect("an entry can be read").file_name().to_string_lossy().into_owned();
        let known =
            TOP.contains(&name.as_str()) || LEFT_BY_TOOLS.contains(&name.as_str()) || name.starts_with('.');
        assert!(known, "`{name}` does not belong to the top of the tree");
    }
}

#[test]
fn each_crate_says_what_it_promises() {
    for folder in ["services", "clients"] {
        for entry in fs::read_dir(root().join(folder)).expect("a folder of the house can be read") {
            let path = entry.expect("an entry can be read").path();
            if path.join("Cargo.toml").exists() {
                let readme = fs::read_to_string(path.join("README.md")).unwrap_or_default();
                assert!(readme.lines().count() > 3, "{} has no README.md worth the name", shown(&path));
            }
        }
    }
}

#[test]
fn no_file_names_a_registry_of_packages() {
    let mut all = Vec::new();
    collect(&root(), &mut all, &|_| true);
    assert!(all.iter().any(|path| path.ends_with("package-lock.json")), "the lock files are looked at");
    for path in all {
        let text = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        for registry in REGISTRIES {
            assert!(!text.contains(registry), "{} names {registry}", shown(&path));
        }
    }
}
