/* ---
partition_by: [day(store), hour(day), "truncate(2, day)", "bucket(4, id)", ratio]
checks:
  - unique: [id, dai]
columns:
  store: {checks: [not_null]}
  missing: {checks: [not_null, {min: 1}]}
--- */
SELECT *, 1.5::DOUBLE AS ratio FROM a.sales
