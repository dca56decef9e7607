/* ---
description: Which supplier has which part, and at what cost (TPC-H specification, section 1.4)
columns:
  ps_partkey: {checks: [not_null, {relationship: raw.part.p_partkey}]}
  ps_suppkey: {checks: [not_null, {relationship: raw.supplier.s_suppkey}]}
  ps_availqty: {type: int, checks: [not_null, {min: 0}]}
  ps_supplycost: {type: "decimal(15,2)", checks: [not_null, {min: 0}]}
checks:
  - unique: [ps_partkey, ps_suppkey]
--- */
SELECT
    CAST(ps_partkey AS BIGINT) AS ps_partkey,
    CAST(ps_suppkey AS BIGINT) AS ps_suppkey,
    CAST(ps_availqty AS INTEGER) AS ps_availqty,
    CAST(ps_supplycost AS DECIMAL(15, 2)) AS ps_supplycost,
    CAST(ps_comment AS VARCHAR) AS ps_comment
FROM read_parquet('raw/partsupp.parquet')
