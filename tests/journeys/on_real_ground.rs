//! Every journey again, each on a Postgres database and buckets of its own (`rfe_tests::Ground` tells by the name of this binary),
//! and what only such ground shows.

#[path = "main.rs"]
mod journeys;
mod migrate_and_check;
mod real_ground;
mod replaced_parts;
