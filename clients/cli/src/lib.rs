//! The client verbs of the rfe command
