-- Batch files and rows of an API, joined straight from the bucket by a bare DuckDB (docs/guide/bare-duckdb.md):
--   docker compose exec duckdb duckdb -f /scripts/duckdb_query.sql
LOAD httpfs;
.highlight_results off
.once /dev/null
CREATE OR REPLACE SECRET bucket (
  TYPE s3,
  KEY_ID getenv('MINIO_ACCESS_KEY'),
  SECRET getenv('MINIO_SECRET_KEY'),
  ENDPOINT replace(getenv('MINIO_ENDPOINT'), 'http://', ''),
  URL_STYLE 'path',
  USE_SSL false
);

-- The view files name what one snapshot of each dataset shows.
.mode list
.headers off
.once views.sql
SELECT content FROM read_text('s3://' || getenv('MINIO_BUCKET_PROCESSED') || '/_views/*.sql');
.read views.sql
.mode duckbox
.headers on

SELECT c.country,
       count(DISTINCT c.id)       AS customers,
       count(DISTINCT o.order_id) AS orders,
       round(sum(f.amount), 2)    AS booked
FROM customers_api c
JOIN orders_parquet o ON o.customer_id = c.id
JOIN finance_csv f    ON f.order_id = o.order_id
GROUP BY c.country
ORDER BY booked DESC;
