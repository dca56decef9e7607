/* ---
description: >-
  Parts that make up a notable share of the stock in Germany (TPC-H specification, section 2.4.11). The share that
  counts as notable is 0.0001 at scale factor 1 and falls as the data grow
columns:
  ps_partkey: {checks: [unique]}
--- */
SELECT ps_partkey, sum(ps_supplycost * ps_availqty) AS value
FROM partsupp
JOIN supplier ON s_suppkey = ps_suppkey
JOIN nation ON n_nationkey = s_nationkey
WHERE n_name = 'GERMANY'
GROUP BY ps_partkey
HAVING sum(ps_supplycost * ps_availqty) > (
    SELECT sum(ps_supplycost * ps_availqty) * (0.0001 / $scale_factor)
    FROM partsupp
    JOIN supplier ON s_suppkey = ps_suppkey
    JOIN nation ON n_nationkey = s_nationkey
    WHERE n_name = 'GERMANY'
)
ORDER BY value DESC
