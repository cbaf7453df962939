//! The binary: which roles, configuration, up, check
