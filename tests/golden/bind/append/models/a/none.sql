/* ---
materialized: append
--- */
SELECT 1 AS one
