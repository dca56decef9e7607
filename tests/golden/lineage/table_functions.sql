SELECT c.name, g.generate_series AS n, r.i FROM raw.customers AS c, generate_series(1, c.parent_id) AS g, range(3) AS r (i)

-- edges
-- n <- derived raw.customers: parent_id
-- name <- copied raw.customers: name
-- * <- filter raw.customers: parent_id
