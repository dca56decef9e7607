WITH RECURSIVE t AS (
    WITH top AS (SELECT customer_id AS id, name FROM raw.customers WHERE parent_id IS NULL)
    SELECT id, name FROM top
    UNION ALL
    SELECT c.customer_id, t.name FROM raw.customers AS c JOIN t ON c.parent_id = t.id
)
SELECT name FROM t

-- edges
-- name <- copied raw.customers: name
-- * <- filter raw.customers: customer_id, parent_id
