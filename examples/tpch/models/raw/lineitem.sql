/* ---
description: The lines of the orders, one to seven each (TPC-H specification, section 1.4)
columns:
  l_orderkey: {checks: [not_null, {relationship: raw.orders.o_orderkey}]}
  l_partkey: {checks: [not_null, {relationship: raw.part.p_partkey}]}
  l_suppkey: {checks: [not_null, {relationship: raw.supplier.s_suppkey}]}
  l_linenumber: {type: int, checks: [not_null, {min: 1}, {max: 7}]}
  l_quantity: {type: "decimal(15,2)", checks: [not_null, {min: 1}]}
  l_extendedprice: {type: "decimal(15,2)", description: Before discount and tax, checks: [not_null]}
  l_discount: {type: "decimal(15,2)", checks: [not_null, {min: 0}, {max: 0.1}]}
  l_tax: {type: "decimal(15,2)", checks: [not_null, {min: 0}]}
  l_shipdate: {type: date, checks: [not_null]}
checks:
  - unique: [l_orderkey, l_linenumber]
  - expression: "l_receiptdate > l_shipdate"
--- */
SELECT
    CAST(l_orderkey AS BIGINT) AS l_orderkey,
    CAST(l_partkey AS BIGINT) AS l_partkey,
    CAST(l_suppkey AS BIGINT) AS l_suppkey,
    CAST(l_linenumber AS INTEGER) AS l_linenumber,
    CAST(l_quantity AS DECIMAL(15, 2)) AS l_quantity,
    CAST(l_extendedprice AS DECIMAL(15, 2)) AS l_extendedprice,
    CAST(l_discount AS DECIMAL(15, 2)) AS l_discount,
    CAST(l_tax AS DECIMAL(15, 2)) AS l_tax,
    CAST(l_returnflag AS VARCHAR) AS l_returnflag,
    CAST(l_linestatus AS VARCHAR) AS l_linestatus,
    CAST(l_shipdate AS DATE) AS l_shipdate,
    CAST(l_commitdate AS DATE) AS l_commitdate,
    CAST(l_receiptdate AS DATE) AS l_receiptdate,
    CAST(l_shipinstruct AS VARCHAR) AS l_shipinstruct,
    CAST(l_shipmode AS VARCHAR) AS l_shipmode,
    CAST(l_comment AS VARCHAR) AS l_comment
FROM read_parquet('raw/lineitem.parquet')
