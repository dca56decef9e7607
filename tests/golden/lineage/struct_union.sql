SELECT {'a': order_id, 'b': status} AS s FROM raw.orders UNION ALL SELECT {'a': order_id, 'b': reason} FROM raw.returns

-- edges
-- s.a <- copied raw.orders: order_id
-- s.a <- copied raw.returns: order_id
-- s.b <- copied raw.orders: status
-- s.b <- copied raw.returns: reason
