/* ---
materialized: append
--- */
SELECT id FROM a.sales
