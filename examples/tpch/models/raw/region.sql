/* ---
description: Continents (TPC-H specification, section 1.4)
columns:
  r_regionkey: {checks: [not_null, unique]}
  r_name: {checks: [not_null]}
--- */
SELECT
    CAST(r_regionkey AS BIGINT) AS r_regionkey,
    CAST(r_name AS VARCHAR) AS r_name,
    CAST(r_comment AS VARCHAR) AS r_comment
FROM read_parquet('raw/region.parquet')
