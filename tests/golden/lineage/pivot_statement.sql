PIVOT raw.orders ON status IN ('paid', 'open') USING sum(amount) GROUP BY store_id

-- edges
-- open <- derived raw.orders: amount, status
-- paid <- derived raw.orders: amount, status
-- store_id <- copied raw.orders: store_id
-- * <- filter raw.orders: store_id
