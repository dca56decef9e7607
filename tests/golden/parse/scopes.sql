WITH RECURSIVE
    a AS (FROM a UNION ALL SELECT * FROM a, b),      -- base: the table a; then itself; the table b
    b AS (WITH c AS (FROM b) FROM c, a),             -- the table b; its own c; the CTE a
    d AS (SELECT * FROM (WITH b AS (FROM b) FROM b)) -- the CTE b, hidden by another b
FROM a, b, c, d, other.a
WHERE EXISTS (WITH c AS (SELECT 1) FROM c) AND x IN (FROM c)
