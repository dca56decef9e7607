/* ---
description: Countries, each in one region (TPC-H specification, section 1.4)
columns:
  n_nationkey: {checks: [not_null, unique]}
  n_name: {checks: [not_null]}
  n_regionkey: {checks: [not_null, {relationship: raw.region.r_regionkey}]}
--- */
SELECT
    CAST(n_nationkey AS BIGINT) AS n_nationkey,
    CAST(n_name AS VARCHAR) AS n_name,
    CAST(n_regionkey AS BIGINT) AS n_regionkey,
    CAST(n_comment AS VARCHAR) AS n_comment
FROM read_parquet('raw/nation.parquet')
