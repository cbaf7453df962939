//! Sources, runs, files, schemas, ledger and letters over gRPC
