-- FILTER, ORDER BY within an aggregate and WITHIN GROUP belong to the one value.
SELECT
    sum(amount) FILTER (WHERE status = 'paid') AS paid,
    string_agg(name, ', ' ORDER BY since DESC) AS names,
    arg_max(name, o.ordered_at) AS last,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY discount) AS median
FROM raw.orders AS o JOIN raw.customers USING (customer_id)

-- edges
-- last <- derived raw.customers: name
-- last <- derived raw.orders: ordered_at
-- median <- derived raw.orders: discount
-- names <- derived raw.customers: name, since
-- paid <- derived raw.orders: amount, status
-- * <- filter raw.customers: customer_id
-- * <- filter raw.orders: customer_id
