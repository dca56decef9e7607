SELECT order_id, v FROM raw.orders UNPIVOT INCLUDE NULLS (v FOR n IN (amount AS a, discount AS d))

-- edges
-- order_id <- copied raw.orders: order_id
-- v <- copied raw.orders: amount, discount
