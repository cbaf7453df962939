//! The drills: real servers fail, processes die, and nothing that was accepted is lost or doubled. `DRILL_SEED` reproduces the
//! choices of a run, `DRILL_FORM=long` takes minutes a drill instead of seconds; arguments choose drills by parts of their names. Each
//! prints one line; the exit code is 1 if any failed.

mod accounts;
mod balancer;
mod burst;
mod check;
mod commit_crashes;
mod compaction;
mod doors;
mod everything;
mod form;
mod frozen_workers;
mod ground;
mod letters;
mod load;
mod objects;
mod pace;
mod postgres_down;
mod redis_restarts;
mod rolling_restart;
mod s3_chaos;
mod stopped_workers;
mod tally;
mod worker_kills;

use std::process::ExitCode;

use form::Form;
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use tally::Tally;

type Drill = fn(Form) -> BoxFuture<'static, Tally>;

const DRILLS: [(&str, Drill); 13] = [
    ("everything", |form| everything::run(form).boxed()),
    ("rolling_restart", |form| rolling_restart::run(form).boxed()),
    ("worker_kills", |form| worker_kills::run(form).boxed()),
    ("stopped_workers", |form| stopped_workers::run(form).boxed()),
    ("burst", |form| burst::run(form).boxed()),
    ("postgres_down", |form| postgres_down::run(form).boxed()),
    ("redis_restarts", |form| redis_restarts::run(form).boxed()),
    ("s3_chaos", |form| s3_chaos::run(form).boxed()),
    ("frozen_workers", |form| frozen_workers::run(form).boxed()),
    ("commit_crashes_real", |form| commit_crashes::real(form).boxed()),
    ("compaction_real", |form| compaction::real(form).boxed()),
    ("commit_crashes_embedded", |form| commit_crashes::embedded(form).boxed()),
    ("compaction_embedded", |form| compaction::embedded(form).boxed()),
];
/// They wait most of the time.
const AT_ONCE: usize = 2;
/// Options of `cargo test` with a value of their own.
const WITH_VALUE: [&str; 4] = ["--test-threads", "--skip", "--format", "--color"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let chosen = chosen(&arguments);
    if arguments.iter().any(|argument| argument == "--list") {
        chosen.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let form = match Form::of_environment() {
        Ok(form) => form,
        Err(wrong) => {
            eprintln!("drills: {wrong}");
            return ExitCode::from(2);
        }
    };
    if chosen.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!(
        "drills: seed {}, {} form; DRILL_SEED={} makes the same choices",
        form.seed,
        form.name(),
        form.seed
    );
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    if runtime.block_on(all_are_right(form, chosen)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Drills whose names have one of the words in them; without words all.
fn chosen(arguments: &[String]) -> Vec<(&'static str, Drill)> {
    let mut words = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if WITH_VALUE.contains(&argument.as_str()) {
            arguments.next();
        } else if !argument.starts_with('-') {
            words.push(argument.as_str());
        }
    }
    let is_chosen = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    DRILLS.into_iter().filter(|(name, _)| is_chosen(name)).collect()
}

async fn all_are_right(form: Form, drills: Vec<(&'static str, Drill)>) -> bool {
    let mut ended = stream::iter(drills)
        .map(|(name, drill)| async move { (name, tokio::spawn(drill(form)).await) })
        .buffer_unordered(AT_ONCE);
    let mut all = true;
    while let Some((name, ended)) = ended.next().await {
        // What broke it is on stderr already.
        let tally =
            ended.unwrap_or_else(|_| Tally { wrong: vec!["it broke".to_owned()], ..Tally::default() });
        println!("{}", tally.line(name, form.seed));
        for complaint in tally.complaints() {
            println!("  {complaint}");
        }
        all &= tally.is_right();
    }
    all
}
