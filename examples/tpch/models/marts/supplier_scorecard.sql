/* ---
description: How reliable each supplier is, per year in which its parts arrived
tags: [purchasing]
columns:
  supplier_id: {checks: [not_null, {relationship: raw.supplier.s_suppkey}]}
  late_share: {description: "Of its order lines, 0 to 1", checks: [{min: 0}, {max: 1}]}
  returned_share: {description: "Of its order lines, 0 to 1", checks: [{min: 0}, {max: 1}]}
checks:
  - unique: [supplier_id, year]
--- */
SELECT
    s_suppkey AS supplier_id,
    s_name AS name,
    year(received_on) AS year,
    count(*) AS order_lines,
    round(count(*) FILTER (is_late) / count(*), 4) AS late_share,
    round(count(*) FILTER (is_returned) / count(*), 4) AS returned_share
FROM core.sales
JOIN supplier ON s_suppkey = supplier_id
GROUP BY ALL
