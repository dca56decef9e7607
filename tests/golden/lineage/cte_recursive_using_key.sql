WITH RECURSIVE t (id, total) USING KEY (id) AS (
    SELECT order_id, amount FROM raw.orders
    UNION
    SELECT t.id, t.total + r.amount FROM t JOIN raw.returns AS r ON r.order_id = t.id WHERE t.total < 0
)
SELECT total FROM t

-- edges
-- total <- derived raw.orders: amount
-- total <- derived raw.returns: amount
-- * <- filter raw.orders: amount, order_id
-- * <- filter raw.returns: amount, order_id
