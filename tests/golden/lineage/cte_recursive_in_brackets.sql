WITH RECURSIVE t (id, top) AS ((
    (SELECT customer_id, name FROM raw.customers)
    UNION
    (SELECT c.customer_id, t.top FROM raw.customers AS c JOIN t ON c.parent_id = t.id)
))
SELECT top FROM t

-- edges
-- top <- copied raw.customers: name
-- * <- filter raw.customers: customer_id, name, parent_id
