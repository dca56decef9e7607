SELECT i AS id, 'x' AS store, DATE '2025-01-01' AS day, 1.5::DECIMAL(9,2) AS amount FROM range(3) t(i)
