SELECT o.order_id, t.tag, l.line.sku, l.n
FROM raw.orders AS o, unnest(o.tags) AS t (tag), unnest(o.lines) WITH ORDINALITY AS l (line, n)

-- edges
-- order_id <- copied raw.orders: order_id
-- sku <- derived raw.orders: lines
-- tag <- derived raw.orders: tags
-- * <- filter raw.orders: lines, tags
