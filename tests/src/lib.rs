//! Journeys, drills, bench and architecture
