SELECT status, amount FROM raw.orders ORDER BY ALL LIMIT 3

-- edges
-- amount <- copied raw.orders: amount
-- status <- copied raw.orders: status
-- * <- filter raw.orders: amount, status
