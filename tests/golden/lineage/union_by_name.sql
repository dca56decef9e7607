SELECT order_id, amount, reason FROM raw.returns
UNION ALL BY NAME
SELECT amount, order_id, status FROM raw.orders

-- edges
-- amount <- copied raw.orders: amount
-- amount <- copied raw.returns: amount
-- order_id <- copied raw.orders: order_id
-- order_id <- copied raw.returns: order_id
-- reason <- copied raw.returns: reason
-- status <- copied raw.orders: status
