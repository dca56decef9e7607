-- Standard form: what is neither aggregated nor pivoted groups.
SELECT * FROM (SELECT store_id, status, amount FROM raw.orders) PIVOT (sum(amount) AS total, max(amount) AS most FOR status IN ('paid', 'open' AS pending))

-- edges
-- paid_most <- derived raw.orders: amount, status
-- paid_total <- derived raw.orders: amount, status
-- pending_most <- derived raw.orders: amount, status
-- pending_total <- derived raw.orders: amount, status
-- store_id <- copied raw.orders: store_id
-- * <- filter raw.orders: store_id
