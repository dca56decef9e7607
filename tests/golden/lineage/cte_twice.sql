-- Each use stands for itself.
WITH t AS (SELECT customer_id, parent_id, name FROM raw.customers)
SELECT child.name, parent.name AS parent
FROM t AS child LEFT JOIN t AS parent ON child.parent_id = parent.customer_id

-- edges
-- name <- copied raw.customers: name
-- parent <- copied raw.customers: name
-- * <- filter raw.customers: customer_id, parent_id
