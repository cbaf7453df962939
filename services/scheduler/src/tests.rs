//! The scheduler on a real store.
