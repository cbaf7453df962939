//! The committed descriptors are what the proto says.

use std::{fs, path::Path};

use prost::Message as _;

#[test]
fn the_descriptors_are_what_the_proto_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let fresh = protox::compile(["Flight.proto"], [&folder]).expect("the proto compiles").encode_to_vec();
    if std::env::var_os("RFE_REGENERATE").is_some() {
        fs::write(folder.join("flight.bin"), &fresh).expect("write");
    }
    let committed = fs::read(folder.join("flight.bin")).expect("read");
    assert!(committed == fresh, "run `RFE_REGENERATE=1 cargo test -p rfe-query`");
    let set = prost_types::FileDescriptorSet::decode(fresh.as_slice()).expect("descriptors");
    assert!(set.file.iter().any(|file| file.service.iter().any(|service| service.name() == "FlightService")));
}

#[test]
fn every_call_of_flight_has_a_scope() {
    let set = prost_types::FileDescriptorSet::decode(rfe_query::FLIGHT_DESCRIPTOR_SET).expect("descriptors");
    let mut calls = Vec::new();
    for file in &set.file {
        for service in &file.service {
            let call = |name: &str| format!("/{}.{}/{name}", file.package(), service.name());
            calls.extend(service.method.iter().map(|method| call(method.name())));
        }
    }
    assert!(calls.len() >= 10, "{calls:?}");
    let missing =
        calls.iter().filter(|path| rfe_mesh::tokens::rules::line(path).is_none()).collect::<Vec<_>>();
    assert!(missing.is_empty(), "no scope is named for {missing:?}");
}
