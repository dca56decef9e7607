WITH RECURSIVE tree (id, top, depth) AS (
    SELECT customer_id, name, 0 FROM raw.customers WHERE parent_id IS NULL
    UNION ALL
    SELECT c.customer_id, tree.top, depth + 1 FROM raw.customers AS c JOIN tree ON c.parent_id = tree.id
)
SELECT id, top, depth FROM tree

-- edges
-- id <- copied raw.customers: customer_id
-- top <- copied raw.customers: name
-- * <- filter raw.customers: customer_id, parent_id
