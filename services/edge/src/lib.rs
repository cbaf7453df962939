//! The webhook edge: HTTP to durable events
