-- HAVING could mean the column or the alias of that name.
SELECT -max(amount) AS discount, status FROM raw.orders GROUP BY status, orders.discount HAVING discount < 0

-- edges
-- discount <- derived raw.orders: amount
-- status <- copied raw.orders: status
-- * <- filter raw.orders: amount, discount, status
