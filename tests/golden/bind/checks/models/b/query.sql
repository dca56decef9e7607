/* ---
checks:
  - sql: SELECT 1
--- */
SELECT 1 AS one
