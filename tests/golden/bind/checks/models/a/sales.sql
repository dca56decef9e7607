/* ---
columns:
  id: {checks: [{relationship: a.stores.id}, {relationship: b.sotres.id}]}
  store: {checks: [{relationship: a.stores.stor}, {matches: "("}]}
  amount: {checks: [{matches: x}]}
checks:
  - expression: amount > 0 AND amuont < 5 -- with a comment
  - expression: amount > 0 -- with a comment
  - freshness: {column: store, within: 1d}
  - rows: {min: 1}
--- */
SELECT i AS id, 'x' AS store, DATE '2025-01-01' AS day, 1.5::DECIMAL(9,2) AS amount FROM range(3) t(i)
