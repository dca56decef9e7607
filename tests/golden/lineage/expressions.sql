-- Whatever computes derives: operators, functions, CASE, casts, also a cast that changes nothing.
SELECT
    amount - discount AS net,
    upper(status) AS status,
    CASE WHEN status = 'paid' THEN amount END AS paid,
    amount::DECIMAL(18, 2) AS amount,
    coalesce(discount, 0) AS discount,
    date_trunc('month', ordered_at) AS month
FROM raw.orders

-- edges
-- amount <- derived raw.orders: amount
-- discount <- derived raw.orders: discount
-- month <- derived raw.orders: ordered_at
-- net <- derived raw.orders: amount, discount
-- paid <- derived raw.orders: amount, status
-- status <- derived raw.orders: status
