-- A list written out is always as long.
SELECT o.order_id, v.money FROM raw.orders AS o, unnest([o.amount, o.discount]) AS v (money)

-- edges
-- money <- derived raw.orders: amount, discount
-- order_id <- copied raw.orders: order_id
