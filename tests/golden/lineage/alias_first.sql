-- DuckDB's `name: value`.
SELECT id: order_id, net: amount - discount FROM o: raw.orders

-- edges
-- id <- copied raw.orders: order_id
-- net <- derived raw.orders: amount, discount
