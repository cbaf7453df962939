//! The Rust client
