-- Keys are copied, and decide which groups there are.
SELECT store_id, sum(amount) AS revenue, count(*) AS orders, count(DISTINCT customer_id) AS customers
FROM raw.orders
WHERE status = 'paid'
GROUP BY store_id
HAVING max(discount) < 10

-- edges
-- customers <- derived raw.orders: customer_id
-- revenue <- derived raw.orders: amount
-- store_id <- copied raw.orders: store_id
-- * <- filter raw.orders: discount, status, store_id
