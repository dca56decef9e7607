SELECT
    list_transform(tags, t -> t || status) AS a,
    [x.sku FOR x IN lines IF x.quantity > store_id] AS b,
    list_filter(tags, lambda status: status > 'x') AS c,
    lines[1].sku AS d
FROM raw.orders

-- edges
-- a <- derived raw.orders: status, tags
-- b <- derived raw.orders: lines, store_id
-- c <- derived raw.orders: tags
-- d <- derived raw.orders: lines
