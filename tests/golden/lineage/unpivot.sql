UNPIVOT (SELECT order_id, amount, discount FROM raw.orders) ON amount, discount INTO NAME what VALUE money

-- edges
-- money <- copied raw.orders: amount, discount
-- order_id <- copied raw.orders: order_id
-- * <- filter raw.orders: amount, discount
