/* ---
description: How many customers have placed how many orders, none included (TPC-H specification, section 2.4.13)
columns:
  c_count: {checks: [unique]}
--- */
SELECT c_count, count(*) AS custdist
FROM (
    SELECT c_custkey, count(o_orderkey)
    FROM customer
    LEFT JOIN orders
        ON o_custkey = c_custkey
        AND o_comment NOT LIKE '%special%requests%'
    GROUP BY c_custkey
) AS c_orders(c_custkey, c_count)
GROUP BY c_count
ORDER BY custdist DESC, c_count DESC
