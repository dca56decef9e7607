SELECT 'x' AS store
