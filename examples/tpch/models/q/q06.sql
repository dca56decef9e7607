/* ---
description: What dropping small discounts on small lines would have earned (TPC-H specification, section 2.4.6)
checks:
  - rows: {min: 1, max: 1}
--- */
SELECT sum(l_extendedprice * l_discount) AS revenue
FROM lineitem
WHERE l_shipdate >= DATE '1994-01-01'
  AND l_shipdate < DATE '1994-01-01' + INTERVAL '1' YEAR
  AND l_discount BETWEEN 0.06 - 0.01 AND 0.06 + 0.01
  AND l_quantity < 24
