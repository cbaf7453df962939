# syntax=docker/dockerfile:1

# The library that `rfe` is linked to; the Makefile knows its version and its checksum.
FROM node:22-bookworm AS duckdb
WORKDIR /rfe
COPY Makefile ./
RUN make duckdb RFE_CACHE=/cache && mkdir /duckdb && mv /cache/duckdb-*/libduckdb.so /duckdb/

FROM rust:1.95-bookworm AS build
WORKDIR /rfe
COPY --from=duckdb /duckdb /duckdb
COPY . .
# What was fetched and built before stays on the machine that builds, so that a change costs the crates that it touches. The program
# is copied out of the cache in the same step: a cache is no part of a layer.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/target,sharing=locked \
    DUCKDB_LIB_DIR=/duckdb CARGO_TARGET_DIR=/target cargo build --release --locked --workspace --bin rfe \
    && install -D --target-directory=/image /target/release/rfe \
    && install --mode=644 --target-directory=/image /duckdb/libduckdb.so \
    && mkdir /volume

# The C and C++ libraries, the authorities that browsers trust, time zones; no shell and no other program.
FROM gcr.io/distroless/cc-debian12 AS rfe
COPY --from=build /image /opt/rfe
# A new volume at these places gets its owner from here.
COPY --from=build --chown=10001:10001 /volume /data
COPY --from=build --chown=10001:10001 /volume /sources
ENV PATH=/opt/rfe:/usr/local/bin:/usr/bin:/bin \
    RFE_DATA_DIR=/data
USER 10001:10001
VOLUME /data
# edge, ingest, metadata, scheduler, dlq, query, worker.
EXPOSE 8080 50051-50056
STOPSIGNAL SIGTERM
ENTRYPOINT ["rfe"]
CMD ["--help"]
