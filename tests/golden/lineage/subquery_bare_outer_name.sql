-- A bare name is looked for inside first, then outside.
SELECT order_id FROM raw.orders WHERE amount > (SELECT avg(rate) FROM raw.rates WHERE country = status)

-- edges
-- order_id <- copied raw.orders: order_id
-- * <- filter raw.orders: amount, status
-- * <- filter raw.rates: country, rate
