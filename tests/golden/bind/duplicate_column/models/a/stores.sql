SELECT 1 AS id, 'x' AS store
