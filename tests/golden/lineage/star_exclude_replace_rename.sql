SELECT * EXCLUDE (returned_at) REPLACE (-amount AS amount) RENAME (reason AS why)
FROM raw.returns

-- edges
-- amount <- derived raw.returns: amount
-- order_id <- copied raw.returns: order_id
-- why <- copied raw.returns: reason
