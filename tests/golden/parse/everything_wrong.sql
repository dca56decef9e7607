/* ---
descripton: A key that is near another
materialized: tabel
unique_key: [a, 5]
columns:
  store_id: {type: integr, checks: [not_nul, {min: zero}]}
  revenue: {type: "decimal(99,2)", checks: [{accepted: [], severity: wrn}]}
checks:
  - rows: {least: 1}
refresh: {every: hourly}
--- */
SELECT age(t.x), $1, getvariable('x'), tab.*
FROM read_csv(concat('raw/', x)), query_table('hidden')
