-- A struct that was cast is one value.
SELECT s.a FROM (SELECT row(order_id, status)::STRUCT(a INTEGER, b VARCHAR) AS s FROM raw.orders)

-- edges
-- a <- derived raw.orders: order_id, status
