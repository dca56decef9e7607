-- COLUMNS by pattern and by list; one column for each.
SELECT
    COLUMNS('^(order)_(id)$') AS '\2_\1',
    -COLUMNS(['amount', 'discount']),
    coalesce(*COLUMNS('amount|discount')) AS first_known
FROM raw.orders

-- edges
-- amount <- derived raw.orders: amount
-- discount <- derived raw.orders: discount
-- first_known <- derived raw.orders: amount, discount
-- id_order <- copied raw.orders: order_id
