/* ---
materialized: append
append_from: [sales]
--- */
SELECT s.id FROM a.sales s JOIN a.stores t USING (store)
