-- Its own condition is part of how its value is made.
SELECT order_id, (SELECT max(rate) FROM raw.rates WHERE day < DATE '2024-01-01') AS rate FROM raw.orders

-- edges
-- order_id <- copied raw.orders: order_id
-- rate <- derived raw.rates: day, rate
