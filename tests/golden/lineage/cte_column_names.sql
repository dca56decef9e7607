WITH t (id, what) AS (SELECT order_id, reason, amount FROM raw.returns)
SELECT id, what, amount FROM t

-- edges
-- amount <- copied raw.returns: amount
-- id <- copied raw.returns: order_id
-- what <- copied raw.returns: reason
