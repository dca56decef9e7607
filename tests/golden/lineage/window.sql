SELECT
    order_id,
    row_number() OVER (PARTITION BY customer_id ORDER BY ordered_at) AS nth,
    amount - lag(amount) OVER (PARTITION BY customer_id ORDER BY ordered_at) AS change,
    sum(amount) OVER () AS total
FROM raw.orders

-- edges
-- change <- derived raw.orders: amount, customer_id, ordered_at
-- nth <- derived raw.orders: customer_id, ordered_at
-- order_id <- copied raw.orders: order_id
-- total <- derived raw.orders: amount
