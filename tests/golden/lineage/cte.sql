-- An unused column and an unused CTE leave no edge; a CTE's condition does.
WITH paid AS (SELECT order_id, customer_id, amount FROM raw.orders WHERE status = 'paid'),
unused AS (SELECT * FROM raw.rates WHERE rate > 1)
SELECT customer_id, amount FROM paid

-- edges
-- amount <- copied raw.orders: amount
-- customer_id <- copied raw.orders: customer_id
-- * <- filter raw.orders: status
