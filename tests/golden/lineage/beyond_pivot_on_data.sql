-- columns: store_id, open_max(discount), open_sum(amount)
-- Which columns there are is in the data: each may be made of all aggregates.
PIVOT (SELECT store_id, status, amount, discount FROM raw.orders) ON status USING sum(amount), max(discount)

-- edges
-- open_max(discount) <- derived raw.orders: amount, discount, status
-- open_sum(amount) <- derived raw.orders: amount, discount, status
-- store_id <- copied raw.orders: store_id
-- * <- filter raw.orders: store_id
