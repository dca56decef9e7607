SELECT 1 AS store
