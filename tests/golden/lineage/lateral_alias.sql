-- An alias of the select list used behind it.
SELECT amount - discount AS net, net * 0.19 AS tax, net + tax AS gross
FROM raw.orders

-- edges
-- gross <- derived raw.orders: amount, discount
-- net <- derived raw.orders: amount, discount
-- tax <- derived raw.orders: amount, discount
