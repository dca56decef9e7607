/* ---
description: The typical pause of each bicycle; DuckDB runs it, Polars has no median for it
engine: duckdb
columns:
  bike: {checks: [not_null, unique]}
--- */
SELECT bike, count(*) AS pauses, median(minutes) AS usual_pause
FROM core.idle
GROUP BY bike
