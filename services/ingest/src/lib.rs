//! Accepts jobs and events into the queue
