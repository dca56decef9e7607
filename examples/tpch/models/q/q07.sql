/* ---
description: Trade between France and Germany, per direction and year (TPC-H specification, section 2.4.7)
checks:
  - unique: [supp_nation, cust_nation, l_year]
--- */
SELECT
    supp_nation,
    cust_nation,
    l_year,
    sum(volume) AS revenue
FROM (
    SELECT
        n1.n_name AS supp_nation,
        n2.n_name AS cust_nation,
        EXTRACT(YEAR FROM l_shipdate) AS l_year,
        l_extendedprice * (1 - l_discount) AS volume
    FROM supplier
    JOIN lineitem ON l_suppkey = s_suppkey
    JOIN orders ON o_orderkey = l_orderkey
    JOIN customer ON c_custkey = o_custkey
    JOIN nation AS n1 ON n1.n_nationkey = s_nationkey
    JOIN nation AS n2 ON n2.n_nationkey = c_nationkey
    WHERE l_shipdate BETWEEN DATE '1995-01-01' AND DATE '1996-12-31'
      AND (
          (n1.n_name = 'FRANCE' AND n2.n_name = 'GERMANY')
          OR (n1.n_name = 'GERMANY' AND n2.n_name = 'FRANCE')
      )
) AS shipping
GROUP BY supp_nation, cust_nation, l_year
ORDER BY supp_nation, cust_nation, l_year
