/* ---
description: What a year's small orders of one kind of part bring in (TPC-H specification, section 2.4.17)
checks:
  - rows: {min: 1, max: 1}
--- */
SELECT sum(l_extendedprice) / 7.0 AS avg_yearly
FROM lineitem
JOIN part ON p_partkey = l_partkey
WHERE p_brand = 'Brand#23'
  AND p_container = 'MED BOX'
  AND l_quantity < (SELECT 0.2 * avg(l_quantity) FROM lineitem WHERE l_partkey = p_partkey)
