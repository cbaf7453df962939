//! Leases jobs, reads sources, lands data files and commits them
