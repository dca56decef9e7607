-- What a SEMI or ANTI JOIN looks at is not among the columns.
SELECT * FROM raw.returns SEMI JOIN raw.orders USING (order_id)

-- edges
-- amount <- copied raw.returns: amount
-- order_id <- copied raw.returns: order_id
-- reason <- copied raw.returns: reason
-- returned_at <- copied raw.returns: returned_at
-- * <- filter raw.orders: order_id
-- * <- filter raw.returns: order_id
