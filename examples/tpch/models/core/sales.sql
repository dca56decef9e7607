/* ---
description: Every order line with its order, its buyer's country and what it brought and cost
columns:
  order_id: {description: "Together with line_number, tells the lines apart"}
  country: {description: Of the customer, checks: [not_null]}
  net_revenue: {type: "decimal(18,4)", description: "After discount, before tax", checks: [{min: 0}]}
  supply_cost: {type: "decimal(18,4)", description: What the parts cost at their supplier, checks: [{min: 0}]}
  is_late: {description: Whether it arrived after the day that was agreed on, checks: [not_null]}
checks:
  - unique: [order_id, line_number]
--- */
SELECT
    o_orderkey AS order_id,
    l_linenumber AS line_number,
    o_custkey AS customer_id,
    n_name AS country,
    l_partkey AS part_id,
    l_suppkey AS supplier_id,
    o_orderdate AS ordered_on,
    l_receiptdate AS received_on,
    l_quantity AS quantity,
    CAST(l_extendedprice * (1 - l_discount) AS DECIMAL(18, 4)) AS net_revenue,
    CAST(ps_supplycost * l_quantity AS DECIMAL(18, 4)) AS supply_cost,
    l_receiptdate > l_commitdate AS is_late,
    l_returnflag = 'R' AS is_returned
FROM lineitem
JOIN orders ON o_orderkey = l_orderkey
JOIN customer ON c_custkey = o_custkey
JOIN nation ON n_nationkey = c_nationkey
JOIN partsupp ON ps_partkey = l_partkey AND ps_suppkey = l_suppkey
