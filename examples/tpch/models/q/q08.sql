/* ---
description: Brazil's share of one type of part sold in America, per year (TPC-H specification, section 2.4.8)
columns:
  o_year: {checks: [unique]}
  mkt_share: {checks: [{min: 0}, {max: 1}]}
--- */
SELECT
    o_year,
    sum(CASE WHEN nation = 'BRAZIL' THEN volume ELSE 0 END) / sum(volume) AS mkt_share
FROM (
    SELECT
        EXTRACT(YEAR FROM o_orderdate) AS o_year,
        l_extendedprice * (1 - l_discount) AS volume,
        n2.n_name AS nation
    FROM part
    JOIN lineitem ON l_partkey = p_partkey
    JOIN supplier ON s_suppkey = l_suppkey
    JOIN orders ON o_orderkey = l_orderkey
    JOIN customer ON c_custkey = o_custkey
    JOIN nation AS n1 ON n1.n_nationkey = c_nationkey
    JOIN nation AS n2 ON n2.n_nationkey = s_nationkey
    JOIN region ON r_regionkey = n1.n_regionkey
    WHERE r_name = 'AMERICA'
      AND o_orderdate BETWEEN DATE '1995-01-01' AND DATE '1996-12-31'
      AND p_type = 'ECONOMY ANODIZED STEEL'
) AS all_nations
GROUP BY o_year
ORDER BY o_year
