SELECT store_id, status, grouping(status) AS level, sum(amount) AS revenue
FROM raw.orders
GROUP BY GROUPING SETS ((store_id, status), (store_id), ())

-- edges
-- revenue <- derived raw.orders: amount
-- status <- copied raw.orders: status
-- store_id <- copied raw.orders: store_id
-- * <- filter raw.orders: status, store_id
