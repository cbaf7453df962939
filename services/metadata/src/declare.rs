//! Checking declared sources.

use std::collections::HashMap;

use rfe_model::{
    Fault, SourceSpec, Violation,
    kind::{self, Kinds},
};
use rfe_proto::metadata as pb;

/// The spec of one source; violations are below `source`.
pub(crate) fn one(source: Option<&pb::Source>, kinds: &dyn Kinds) -> Result<SourceSpec, Fault> {
    let source = source.ok_or_else(|| Fault::invalid("source", "is missing"))?;
    check(source, kinds).map_err(|wrong| Fault::violations(below(wrong, "source")))
}

/// The specs of many sources; violations are below `sources[i]`, and all of them are named.
pub(crate) fn many(sources: &[pb::Source], kinds: &dyn Kinds) -> Result<Vec<SourceSpec>, Fault> {
    let mut specs = Vec::with_capacity(sources.len());
    let mut wrong = Vec::new();
    let mut first = HashMap::new();
    for (at, source) in sources.iter().enumerate() {
        let path = format!("sources[{at}]");
        match check(source, kinds) {
            Ok(spec) => specs.push(spec),
            Err(violations) => wrong.extend(below(violations, &path)),
        }
        if let Some(other) = first.insert(source.name.as_str(), at) {
            let reason = format!("`{}` is declared twice; sources[{other}] has the name too", source.name);
            wrong.push(Violation::new(format!("{path}.name"), reason));
        }
    }
    if wrong.is_empty() { Ok(specs) } else { Err(Fault::violations(wrong)) }
}

fn check(source: &pb::Source, kinds: &dyn Kinds) -> Result<SourceSpec, Vec<Violation>> {
    let spec = SourceSpec::try_from(source).map_err(|violation| vec![violation])?;
    kind::check(&spec, kinds)?;
    Ok(spec)
}

fn below(wrong: Vec<Violation>, parent: &str) -> Vec<Violation> {
    wrong.into_iter().map(|violation| violation.below(parent)).collect()
}
