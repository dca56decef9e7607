/* ---
description: Orders of customers, 1992 to 1998 (TPC-H specification, section 1.4)
columns:
  o_orderkey: {description: Has gaps, checks: [not_null, unique]}
  o_custkey: {checks: [not_null, {relationship: raw.customer.c_custkey}]}
  o_orderstatus: {description: "Finished, open or partly delivered", checks: [not_null, {accepted: [F, O, P]}]}
  o_totalprice: {type: "decimal(15,2)", checks: [not_null]}
  o_orderdate: {type: date, checks: [not_null]}
--- */
SELECT
    CAST(o_orderkey AS BIGINT) AS o_orderkey,
    CAST(o_custkey AS BIGINT) AS o_custkey,
    CAST(o_orderstatus AS VARCHAR) AS o_orderstatus,
    CAST(o_totalprice AS DECIMAL(15, 2)) AS o_totalprice,
    CAST(o_orderdate AS DATE) AS o_orderdate,
    CAST(o_orderpriority AS VARCHAR) AS o_orderpriority,
    CAST(o_clerk AS VARCHAR) AS o_clerk,
    CAST(o_shippriority AS INTEGER) AS o_shippriority,
    CAST(o_comment AS VARCHAR) AS o_comment
FROM read_parquet('raw/orders.parquet')
