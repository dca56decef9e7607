-- The bare name is the left one's; each side's own column is there by its full name.
SELECT order_id, r.order_id AS right_id, status FROM raw.orders JOIN raw.returns AS r USING (order_id)

-- edges
-- order_id <- copied raw.orders: order_id
-- right_id <- copied raw.returns: order_id
-- status <- copied raw.orders: status
-- * <- filter raw.orders: order_id
-- * <- filter raw.returns: order_id
