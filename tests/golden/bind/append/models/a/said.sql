/* ---
materialized: append
append_from: [a.salse]
--- */
SELECT s.id FROM a.sales s JOIN a.stores t USING (store)
