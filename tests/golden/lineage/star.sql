SELECT * FROM raw.returns

-- edges
-- amount <- copied raw.returns: amount
-- order_id <- copied raw.returns: order_id
-- reason <- copied raw.returns: reason
-- returned_at <- copied raw.returns: returned_at
