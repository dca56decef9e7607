-- DuckDB takes a column for a parameter of the same name that stands alone in a struct, or before a condition.
SELECT
    list_transform(tags, lambda status: {'s': status}) AS a,
    [status FOR status IN tags IF status > 'x'] AS b,
    list_transform(tags, lambda status: upper(status)) AS c,
    [status FOR status IN tags] AS d
FROM raw.orders

-- edges
-- a <- derived raw.orders: status, tags
-- b <- derived raw.orders: status, tags
-- c <- derived raw.orders: tags
-- d <- derived raw.orders: tags
