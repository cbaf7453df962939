//! The API guide has an example of every call. That each works is a journey.

use std::{collections::BTreeSet, fs, path::Path};

use rfe_tests::Document;

const GUIDE: &str = "proto/README.md";

/// What people call of services whose protos are not ours.
const OF_OTHERS: [&str; 8] = [
    "grpc.health.v1.Health/Check",
    "grpc.health.v1.Health/Watch",
    "arrow.flight.protocol.FlightService/ListFlights",
    "arrow.flight.protocol.FlightService/GetFlightInfo",
    "arrow.flight.protocol.FlightService/GetSchema",
    "arrow.flight.protocol.FlightService/DoGet",
    "arrow.flight.protocol.FlightService/ListActions",
    "arrow.flight.protocol.FlightService/DoAction",
];

/// The calls of our protos, as `package.Service/Call`.
fn calls() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/rfe"), &mut found);
    assert!(found.len() > 50, "the calls are found: {found:?}");
    found
}

fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of protos can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.extend(calls_of(&fs::read_to_string(&path).expect("a proto is text")));
        }
    }
}

fn calls_of(proto: &str) -> Vec<String> {
    let package = proto.lines().find_map(|line| declared(line, "package ")).expect("a proto has a package");
    let (mut service, mut calls) = (String::new(), Vec::new());
    for line in proto.lines() {
        if let Some(name) = declared(line, "service ") {
            service = name;
        }
        calls.extend(declared(line, "rpc ").map(|call| format!("{package}.{service}/{call}")));
    }
    calls
}

/// The name that a line declares.
fn declared(line: &str, keyword: &str) -> Option<String> {
    let rest = line.trim_start().strip_prefix(keyword)?;
    rest.split([' ', '(', ';', '{']).next().map(str::to_owned)
}

#[test]
fn every_call_has_an_example_in_the_api_guide() {
    let commands = Document::read(GUIDE).section("Examples").blocks("sh").join("\n");
    let apart = |c: char| !(c.is_ascii_alphanumeric() || ['.', '/', '_'].contains(&c));
    let words: BTreeSet<&str> = commands.split(apart).collect();
    let ours = calls();
    let all = ours.iter().map(String::as_str).chain(OF_OTHERS);
    let missing: Vec<&str> = all.filter(|call| !words.contains(call)).collect();
    assert!(missing.is_empty(), "{GUIDE} has no example of {missing:?}");
    for verb in ["list", "describe"] {
        assert!(words.contains(verb), "{GUIDE} has no example of `{verb}`");
    }
}

#[test]
fn every_service_is_in_the_table_of_the_api_guide() {
    let guide = Document::read(GUIDE);
    let ours = calls();
    let services: BTreeSet<&str> = ours.iter().filter_map(|call| Some(call.split_once('/')?.0)).collect();
    for service in services {
        assert!(guide.text().contains(&format!("\n| `{service}` |")), "{GUIDE} does not list {service}");
    }
}
