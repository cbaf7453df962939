#![doc = include_str!("../README.md")]

pub mod authority;
pub mod cli;
pub mod document;
pub mod examples;
pub mod file_server;
pub mod fixture;
pub mod ground;
pub mod grpc;
pub mod http;
pub mod lake;
pub mod mock_api;
pub mod one_process;
pub mod platform;
pub mod processes;
pub mod python;
pub mod role;
pub mod sdk;
mod services;
pub mod settings;
pub mod sql;
pub mod token;
pub mod tool;
pub mod wait;

pub use document::Document;
pub use file_server::FileServer;
pub use ground::Ground;
pub use mock_api::MockApi;
pub use platform::Platform;
pub use role::Role;
pub use settings::Settings;
pub use wait::until;
