//! The clock: schedules and their firings
