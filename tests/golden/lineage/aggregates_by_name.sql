-- Aggregates that are no keywords.
SELECT arbitrary(status) AS some, approx_quantile(amount, 0.5) AS middle, geomean(discount) AS mean
FROM raw.orders

-- edges
-- mean <- derived raw.orders: discount
-- middle <- derived raw.orders: amount
-- some <- derived raw.orders: status
