SELECT order_id, amount * $factor AS scaled FROM raw.orders WHERE ordered_at >= $since

-- edges
-- order_id <- copied raw.orders: order_id
-- scaled <- derived raw.orders: amount
-- * <- filter raw.orders: ordered_at
