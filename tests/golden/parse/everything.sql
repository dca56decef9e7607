-- Licence: the block may follow other comments.
/* ---
description: Everything that a model can say
owner: sales-analytics
materialized: append
append_from: [raw/*.csv]
partition_by: [day(business_date)]
columns:
  store_id: {type: int, checks: [not_null]}
  revenue:  {type: "decimal(18,2)", checks: [not_null, {min: 0, severity: warn}]}
checks:
  - unique: [store_id, business_date]
tags: [daily]
--- */

/* The body begins here: */ WITH sales AS (
    SELECT * FROM staging.sales         -- the table, not the CTE of its name
), recent AS (
    FROM sales WHERE sold_at >= $since AND sold_at < now ( )
)
SELECT r.store_id, current_date AS business_date, sum(r.amount * x.rate) AS revenue
FROM recent r
JOIN "Staging".stores s USING (store_id)
ASOF LEFT JOIN rates x ON x.since <= r.sold_at
LEFT JOIN read_csv(['raw/a.csv', 'raw/b.csv'], header = true) f ON f.id = $Id
CROSS JOIN 'extra/*.parquet' e, range(3)
WHERE r.store_id NOT IN (SELECT store_id FROM quarantine.stores)
GROUP BY ALL
QUALIFY row_number() OVER (ORDER BY revenue DESC) < 10
; -- done
