WITH RECURSIVE steps(n, path) AS NOT MATERIALIZED (
    SELECT 1, [1]
    UNION ALL
    SELECT n + 1, list_append(path, n + 1) FROM steps WHERE n < 10
),

b AS (
    VALUES (1, 'one'), (2, 'two')
),

c AS MATERIALIZED (
    FROM b
    SELECT DISTINCT ON (column0) column0 AS id
)

SELECT
    s.n,
    count(DISTINCT s.path) FILTER (WHERE s.n > 1 AND c.id IS NOT NULL) AS paths,
    sum(s.n) OVER (PARTITION BY c.id ORDER BY s.n ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) AS running,
    last_value(s.n IGNORE NULLS) OVER w,
    (
        SELECT max(x)
        FROM other.table_of_things AS t
        WHERE t.id = c.id
          AND t.x BETWEEN 1 AND 2
          AND t.kind IN ('aaaaaaaaaaaa', 'bbbbbbbbbbbbbbbb')
    ) AS most,
    coalesce(s.n, -1) * 2 + 1 AS odd,
    'x' || 'y' AS z,
    {'key': s.n, 'other': [1, 2, 3][1:2]} AS facts,
    (s.n IS NULL OR c.id = 1) AND s.n > 0 AS ok,
    list_transform(s.path, x -> x + 1) AS l,
    INTERVAL 5 DAY AS span,
    date '2025-01-01' AS d
FROM steps s
LEFT JOIN c ON s.n = c.id AND c.id > 0 OR c.id IS NULL
JOIN LATERAL (SELECT 1 AS one) l ON true, unnest(s.path) u(x)
WHERE EXISTS (SELECT 1 FROM b WHERE b.column0 = s.n)
  AND s.n NOT IN (1, 2, 3)
  AND NOT (s.n = 5 OR s.n = 6)
GROUP BY ALL
HAVING count(*) > 1
QUALIFY row_number() OVER w = 1
WINDOW w AS (PARTITION BY c.id ORDER BY s.n DESC NULLS LAST)
ORDER BY 1, 2 DESC
LIMIT 10
OFFSET 5
