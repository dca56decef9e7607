/* ---
description: Who parts are bought from (TPC-H specification, section 1.4)
columns:
  s_suppkey: {checks: [not_null, unique]}
  s_nationkey: {checks: [not_null, {relationship: raw.nation.n_nationkey}]}
  s_acctbal: {type: "decimal(15,2)", description: May be below zero, checks: [not_null]}
--- */
SELECT
    CAST(s_suppkey AS BIGINT) AS s_suppkey,
    CAST(s_name AS VARCHAR) AS s_name,
    CAST(s_address AS VARCHAR) AS s_address,
    CAST(s_nationkey AS BIGINT) AS s_nationkey,
    CAST(s_phone AS VARCHAR) AS s_phone,
    CAST(s_acctbal AS DECIMAL(15, 2)) AS s_acctbal,
    CAST(s_comment AS VARCHAR) AS s_comment
FROM read_parquet('raw/supplier.parquet')
