SELECT 'x' AS store, 1 AS id
