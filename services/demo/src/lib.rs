//! Mock API, demo data and demo sources
