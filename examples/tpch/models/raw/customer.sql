/* ---
description: Who orders; a third of them never did (TPC-H specification, section 1.4)
columns:
  c_custkey: {checks: [not_null, unique]}
  c_nationkey: {checks: [not_null, {relationship: raw.nation.n_nationkey}]}
  c_acctbal: {type: "decimal(15,2)", description: May be below zero, checks: [not_null]}
  c_mktsegment:
    checks:
      - accepted: [AUTOMOBILE, BUILDING, FURNITURE, HOUSEHOLD, MACHINERY]
--- */
SELECT
    CAST(c_custkey AS BIGINT) AS c_custkey,
    CAST(c_name AS VARCHAR) AS c_name,
    CAST(c_address AS VARCHAR) AS c_address,
    CAST(c_nationkey AS BIGINT) AS c_nationkey,
    CAST(c_phone AS VARCHAR) AS c_phone,
    CAST(c_acctbal AS DECIMAL(15, 2)) AS c_acctbal,
    CAST(c_mktsegment AS VARCHAR) AS c_mktsegment,
    CAST(c_comment AS VARCHAR) AS c_comment
FROM read_parquet('raw/customer.parquet')
