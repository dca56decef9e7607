-- Beyond a function the fields are not followed apart.
SELECT arg_max({'a': status, 'b': amount}, ordered_at).a AS last FROM raw.orders

-- edges
-- last <- derived raw.orders: amount, ordered_at, status
