# A bare DuckDB with the extension that reads object stores. Nothing of rfe is in it.
FROM python:3.13-slim-bookworm
RUN pip install --no-cache-dir duckdb-cli==1.5.5 duckdb-extension-httpfs==1.5.5 \
    && useradd --uid 10001 --create-home duckdb \
    && platform=$(duckdb -noheader -list -c 'PRAGMA platform') \
    && package=$(python -c 'import duckdb_extension_httpfs as p; print(p.__path__[0])') \
    && mkdir -p "/home/duckdb/.duckdb/extensions/v1.5.5/$platform" \
    && ln -s "$package/extensions/v1.5.5/httpfs.duckdb_extension" "/home/duckdb/.duckdb/extensions/v1.5.5/$platform/"
USER 10001:10001
ENV HOME=/home/duckdb
# The views that a script makes are written here.
WORKDIR /tmp
