-- COLUMNS by pattern, list, and function of the name; one column for each.
SELECT
    COLUMNS('^(order)_(id)$') AS '\2_\1',
    -COLUMNS(['amount', 'discount']),
    COLUMNS(c -> c LIKE 'cust%'),
    coalesce(*COLUMNS('amount|discount')) AS first_known
FROM raw.orders

-- edges
-- amount <- derived raw.orders: amount
-- customer_id <- copied raw.orders: customer_id
-- discount <- derived raw.orders: discount
-- first_known <- derived raw.orders: amount, discount
-- id_order <- copied raw.orders: order_id
