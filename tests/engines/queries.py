"""Queries whose answers every engine gives alike, and what is refused because the answers would differ.

A line that is no query is an expression over `t`. `t` is the table of `test_same_answers`.
"""

from __future__ import annotations

SAME = """
i / j
i % 3
i // 2
i + j
i * l
l + d
i + f
d * e
d * d
d + e
d / e
d / 2
d * 1.5
1 - d
d * (1 - e)
f / 0
sum(i)
sum(l)
sum(k)
-k
-d
-f
sum(d)
sum(d * e)
avg(i)
avg(d)
avg(f)
min(f)
max(f)
max(g)
min(s)
count(*)
count(i)
count(DISTINCT i)
round(f)
round(d, 1)
round(h)
round(h, 1)
abs(i)
abs(d)
CAST(h AS INTEGER)
CAST(h AS DECIMAL(9,1))
CAST(d AS DOUBLE)
CAST(i AS DECIMAL(10,2))
CAST(i AS DECIMAL(3,2))
CAST(i AS VARCHAR)
CAST(d AS VARCHAR)
CAST(dt AS VARCHAR)
CAST(b AS INTEGER)
CAST(ts AS DATE)
CAST(dt AS TIMESTAMP)
DATE '2024-01-02'
f > 1
i = 1 OR NULL
i IN (1, NULL)
i NOT IN (1, NULL)
i NOT IN (1, 2.5)
s LIKE '%c'
s NOT LIKE 'A_c'
u LIKE 'a%b'
s || 'x'
concat(s, 'x')
concat(s, NULL)
length(u)
substring(u, 2, 3)
left(u, 2)
right(u, 2)
coalesce(i, 0)
coalesce(i, l)
coalesce(d, e)
coalesce(i, d)
coalesce(s, 'n')
nullif(i, 1)
nullif(d, 2.25)
CASE WHEN i > 1 THEN 1 ELSE 2.5 END
CASE WHEN i > 1 THEN 1 END
CASE i WHEN 1 THEN 'a' WHEN 7 THEN 'b' ELSE 'c' END
CASE WHEN b THEN d ELSE i END
greatest(i, j)
least(i, l, j)
extract(year FROM dt)
extract(month FROM ts)
year(dt)
month(ts)
quarter(dt)
date_trunc('month', dt)
date_trunc('week', ts)
dt + INTERVAL 1 MONTH
dt - INTERVAL '90' DAY
DATE '1998-12-01' - INTERVAL 90 DAY
ts + INTERVAL 1 DAY
dt > '2024-01-31'
'2024-01-31' < ts
dt < ts
b AND i > 1
NOT b
i IS DISTINCT FROM 1
i IS NOT DISTINCT FROM j
i BETWEEN 1 AND 7
d BETWEEN 1 AND 2.5
dt BETWEEN '2024-01-01' AND '2024-02-01'
i IS NULL
i IS NOT NULL
row_number() OVER (ORDER BY i)
row_number() OVER (PARTITION BY b ORDER BY i, j)
rank() OVER (ORDER BY j)
rank() OVER (PARTITION BY b ORDER BY i DESC)
dense_rank() OVER (ORDER BY j)
sum(i) OVER (PARTITION BY j)
sum(k) OVER (PARTITION BY j)
sum(i) OVER (ORDER BY j)
sum(i) OVER (ORDER BY i, l, e, s)
sum(i) OVER (ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
sum(d) OVER (PARTITION BY b ORDER BY j)
avg(d) OVER (PARTITION BY b ORDER BY j)
count(*) OVER (PARTITION BY b)
count(i) OVER (PARTITION BY b ORDER BY j)
min(d) OVER (ORDER BY j)
max(i) OVER (PARTITION BY j)
lag(i) OVER (ORDER BY i)
lead(i, 2) OVER (PARTITION BY b ORDER BY i)
floor(f)
ceil(f)
starts_with(s, 'a')
getvariable('v') * i
SELECT i FROM t ORDER BY i DESC
SELECT i FROM t ORDER BY i DESC LIMIT 2
SELECT i FROM t ORDER BY i NULLS FIRST LIMIT 2
SELECT j, sum(i) FROM t GROUP BY j
SELECT j, sum(i) AS s FROM t GROUP BY 1 ORDER BY s DESC, j LIMIT 2
SELECT j AS q, sum(i), count(*) c FROM t GROUP BY q
SELECT j, b, sum(i) FROM t GROUP BY ALL
SELECT i + 1 AS z2, sum(j) FROM t GROUP BY i + 1
SELECT year(dt) AS y, sum(d) AS s FROM t GROUP BY year(dt) HAVING sum(d) > 0
SELECT sum(i) FILTER (WHERE j > 0), count(*) FILTER (WHERE b) FROM t
SELECT b, sum(i) + count(*) * 2 AS x FROM t GROUP BY b
SELECT DISTINCT b FROM t
SELECT DISTINCT g FROM t
SELECT g, count(*) FROM t GROUP BY g
SELECT t.i, u.j FROM t JOIN t u ON t.i = u.i
SELECT t.i, u.i AS k2 FROM t LEFT JOIN t u ON t.i = u.j
SELECT a.i, b.j FROM t a LEFT JOIN t b ON a.i = b.i AND b.j > 0
SELECT a.i, b.j FROM t a LEFT JOIN t b ON a.i = b.i AND a.j > 0
SELECT a.i, b.i AS x FROM t a JOIN t b ON a.i < b.i
SELECT a.i, b.i AS x FROM t a JOIN t b ON a.i = b.l
SELECT a.i, b.i AS x FROM t a JOIN t b ON a.i + 1 = b.j
SELECT i, a.j, b.k FROM t a JOIN t b USING (i)
SELECT i, a.j, b.k FROM t a LEFT JOIN t b USING (i)
SELECT a.i FROM t a SEMI JOIN t b ON a.i = b.z
SELECT a.i FROM t a ANTI JOIN t b ON a.i = b.z
SELECT a.i FROM t a ANTI JOIN t b USING (j)
SELECT count(*) FROM t a, t b
SELECT count(*) FROM t a CROSS JOIN t b WHERE a.i = b.j + 1
SELECT i FROM t WHERE i > (SELECT avg(i) FROM t)
SELECT i FROM t WHERE EXISTS (SELECT 1 FROM t u WHERE u.z = t.i)
SELECT i FROM t WHERE NOT EXISTS (SELECT * FROM t u WHERE u.z = t.i AND u.j > 1)
SELECT i FROM t WHERE i IN (SELECT z FROM t)
SELECT i FROM t WHERE i NOT IN (SELECT z FROM t)
SELECT i FROM t WHERE i NOT IN (SELECT z FROM t WHERE z IS NOT NULL)
SELECT i FROM t WHERE j > (SELECT avg(u.j) FROM t u WHERE u.b = t.b)
SELECT i, (SELECT max(u.j) FROM t u WHERE u.i < t.i) AS m FROM t
SELECT i, (SELECT sum(u.k) FROM t u WHERE u.j = t.j) AS m FROM t
SELECT i, (SELECT count(*) FROM t u) AS m FROM t
SELECT i FROM t UNION SELECT j FROM t
SELECT i FROM t UNION ALL SELECT l FROM t
SELECT i, d FROM t UNION ALL SELECT j, 1 FROM t
SELECT i FROM t EXCEPT SELECT j FROM t
SELECT i FROM t INTERSECT SELECT z FROM t
SELECT i FROM t UNION ALL SELECT j FROM t UNION ALL SELECT k FROM t
SELECT i FROM t UNION SELECT j FROM t ORDER BY i LIMIT 3
SELECT sum(i), count(*), min(s) FROM t WHERE i > 100
SELECT i FROM t QUALIFY row_number() OVER (ORDER BY i) = 1
SELECT i, row_number() OVER (PARTITION BY b ORDER BY i) AS rn FROM t QUALIFY rn = 1
WITH a AS (SELECT i, j FROM t), b AS (SELECT i + 1 AS i2, a.* FROM a) SELECT a.i, b.i2 FROM a JOIN b ON a.j = b.j
WITH a(x, y) AS (SELECT i, j FROM t) SELECT x, sum(y) FROM a GROUP BY x
SELECT * FROM (SELECT i AS x, j FROM t WHERE i > 0) AS q(p, r) WHERE p > 1
SELECT * EXCLUDE (i) FROM t LIMIT 0
SELECT * FROM t
SELECT I, T.J FROM t
SELECT i * 2 AS dbl, dbl + 1 AS more FROM t WHERE dbl > 2
SELECT 1 AS x, 'a' AS y, NULL AS n, TRUE AS b, 1.50 AS d, 1e3 AS e
SELECT 'k' AS k, count(*) AS n FROM t GROUP BY k
SELECT 'k' AS kk, sum(i) FROM t
SELECT sum(s2) FROM (SELECT sum(i) AS s2 FROM t GROUP BY j) q
SELECT max(i) - min(i) AS r, avg(i) / count(*) AS q FROM t
SELECT i AS "Weird Name" FROM t
SELECT a.i, b.s FROM t a JOIN t b ON a.i = b.i AND a.j = b.j WHERE a.d > 1 AND b.dt > '2024-01-01'
SELECT count(DISTINCT b), count(DISTINCT s) FROM t
round(f, 1)
round(g, 2)
SELECT round(h::DOUBLE, 1) AS a, round(h::DOUBLE) AS b, round(h::DOUBLE / 3, 4) AS d FROM t
round(h::DOUBLE * 1000000000000, 3)
SELECT (h::DOUBLE)::DECIMAL(9,1) AS a, (h::DOUBLE * 3)::DECIMAL(5,0) AS b, (h::DOUBLE / 3)::DECIMAL(38,10) AS c FROM t
SELECT CAST(avg(d) AS DECIMAL(18,2)) AS a, round(avg(i), 2) AS b FROM t
SELECT CAST(x * 1e15 AS DECIMAL(38,2)) AS a FROM (SELECT CAST(h AS DOUBLE) AS x FROM t) q
SELECT CASE WHEN sum(i) > 0 THEN 'pos' ELSE 'neg' END AS x, floor(avg(f)) AS y, -sum(d) AS z FROM t
SELECT b, CASE WHEN sum(i) > 0 THEN b END AS x, max(f) AS y FROM t GROUP BY b
SELECT max(i) + 1 AS m FROM t HAVING count(*) > 100
SELECT j, sum(i) AS s, rank() OVER (ORDER BY sum(i) DESC) AS r FROM t GROUP BY j
SELECT j, sum(sum(i)) OVER () AS s FROM t GROUP BY j
SELECT j, sum(i) AS s FROM t GROUP BY j QUALIFY row_number() OVER (ORDER BY sum(i) DESC) = 1
SELECT j + 1 AS a, j AS b, (j + 1) * 2 AS c, count(*) AS n FROM t GROUP BY j + 1, j
SELECT j FROM t GROUP BY j
SELECT DISTINCT count(*) AS n FROM t GROUP BY j
SELECT i, 0.5 * (SELECT sum(u.d) FROM t u WHERE u.j = t.j) AS m FROM t
SELECT i, (SELECT max(u.d) FROM t u) - d AS m FROM t
SELECT j, (SELECT max(u.i) FROM t u WHERE u.j = t.j) AS m, count(*) AS n FROM t GROUP BY j
SELECT year(dt) AS y, month(dt) AS m, sum(d) FROM t GROUP BY y, m ORDER BY y, m LIMIT 3
SELECT s, count(*) AS n FROM t GROUP BY s ORDER BY count(*) DESC, s LIMIT 1
SELECT upper_s.s FROM (SELECT s FROM t WHERE s IS NOT NULL) upper_s
SELECT sum(CASE WHEN b THEN i ELSE 0 END) AS x, count(CASE WHEN b THEN 1 END) AS y FROM t
SELECT count(*) AS n FROM (SELECT j FROM t GROUP BY j HAVING count(*) > 1) q
SELECT j, i, sum(i) OVER (PARTITION BY j) * 1.0 / sum(i) OVER () AS share FROM t
SELECT CASE WHEN row_number() OVER (ORDER BY i) = 1 THEN 'first' ELSE 'other' END AS w, i FROM t
SELECT coalesce(sum(i), 0) AS a FROM t WHERE i > 100
SELECT 1 AS one FROM t
SELECT 1 AS one, max(i) AS m FROM t WHERE false
SELECT i AS a FROM t WHERE b OR i > 3 AND NOT (j = 2 OR s LIKE 'a%')
SELECT a.i FROM t a WHERE EXISTS (SELECT 1 FROM t b WHERE b.i = a.i AND b.j <> a.j)
SELECT a.i FROM t a WHERE a.d > (SELECT 0.5 * avg(b.d) FROM t b WHERE b.b = a.b)
SELECT f / 3 AS a, i / 7 AS b, sum(i) OVER () / 7.0 AS c, d / 3 AS e, f / (SELECT max(d) FROM t) AS g FROM t
SELECT sum(d) / 7.0 AS a, sum(i) / count(*) AS b FROM t
SELECT a.n, round(avg(b.n * 0.37 + a.n * 0.41), 2) AS x FROM t a, t b GROUP BY a.n
SELECT round(avg(n * 0.37) OVER (ORDER BY n), 2) AS x FROM t
SELECT n, CAST(avg(n * 0.37) OVER (PARTITION BY b) AS DECIMAL(9,2)) AS x FROM t
SELECT n FROM t a WHERE a.n * 1.0 > (SELECT round(avg(b.n * 0.37 + 0.41), 2) FROM t b WHERE b.b = a.b)
SELECT round(avg(n * 0.37) FILTER (WHERE n > 1), 2) AS x, avg(d) FILTER (WHERE n > 100) AS y FROM t
SELECT i, (SELECT max(u.d) - min(u.d) FROM t u) AS m FROM t
SELECT i, (SELECT round(avg(u.d), 1) + sum(u.d) FROM t u WHERE u.j = t.j) AS m FROM t
SELECT i, (SELECT coalesce(avg(u.d), 0) FROM t u WHERE u.j < t.i) AS m FROM t
SELECT sum(i) AS a, avg(i) AS b, count(i) AS c, avg(d) AS e, sum(d) AS f FROM t
SELECT sum(i) OVER () AS a, avg(i) OVER () AS b, avg(d) OVER (PARTITION BY b) AS c, sum(d) OVER (PARTITION BY b) FROM t
SELECT CAST(avg(l) AS DECIMAL(38,2)) AS a, avg(d * e * h) AS b FROM t
SELECT j, sum(i) AS i FROM t GROUP BY j HAVING i > 0
SELECT j + 1 AS j, count(*) AS c FROM t GROUP BY j HAVING j > 2
SELECT '2024-01-31 10:00'::TIMESTAMP AS a, '2024-01-31T10:00:00.1234567'::TIMESTAMP AS b, '2024-01-31'::DATE AS c FROM t
SELECT a.n, b.n AS m FROM t a FULL JOIN t b ON a.i = b.j
SELECT a.n, b.n AS m FROM t a RIGHT JOIN t b ON a.i = b.j
SELECT a.n, b.n AS m FROM t a RIGHT OUTER JOIN t b ON a.i = b.j AND a.b
SELECT a.n, b.n AS m FROM t a FULL OUTER JOIN t b ON a.i = b.j AND a.b AND b.n > 2
SELECT i, a.n, b.n AS m FROM t a FULL JOIN (SELECT j AS i, n FROM t) b USING (i)
SELECT i, a.n, b.n AS m FROM t a RIGHT JOIN (SELECT j AS i, n FROM t) b USING (i)
SELECT * FROM (SELECT i, n FROM t) a FULL JOIN (SELECT j AS i, n AS m FROM t) b USING (i)
SELECT * FROM (SELECT i, n FROM t) a RIGHT JOIN (SELECT j AS i, n AS m FROM t) b USING (i)
SELECT a.*, m FROM (SELECT i, n FROM t) a FULL JOIN (SELECT j AS i, n AS m FROM t) b USING (i)
SELECT b.*, a.i AS x FROM (SELECT i, n FROM t) a FULL JOIN (SELECT j AS i, n AS m FROM t) b USING (i)
WITH b AS (SELECT j AS i FROM t) SELECT i, a.i AS p, b.i AS q FROM t a FULL JOIN b USING (i) FULL JOIN b c USING (i)
WITH b AS (SELECT j AS i FROM t) SELECT i, a.i AS p, b.i AS q FROM t a RIGHT JOIN b USING (i) LEFT JOIN b c USING (i)
WITH b AS (SELECT j AS i FROM t) SELECT i, a.i AS p, c.i AS q FROM t a SEMI JOIN b USING (i) FULL JOIN b c USING (i)
SELECT i, count(*) AS c FROM (SELECT i FROM t) a FULL JOIN (SELECT j AS i FROM t) b USING (i) GROUP BY i
SELECT i, count(*) AS c FROM (SELECT i FROM t) a FULL JOIN (SELECT j AS i FROM t) b USING (i) WHERE i > 1 GROUP BY ALL
SELECT count(*), sum(a.n), sum(b.n) FROM t a FULL JOIN t b ON a.i = b.j WHERE a.n IS NULL OR b.n IS NULL
SELECT a.n, b.n AS m FROM t a FULL JOIN (SELECT * FROM t WHERE false) b ON a.i = b.j
SELECT a.n, b.n AS m FROM (SELECT * FROM t WHERE false) a FULL JOIN t b ON a.i = b.j
SELECT a.n, b.n AS m FROM (SELECT * FROM t WHERE false) a RIGHT JOIN t b ON a.i = b.j
SELECT a.n, b.n AS m FROM t a FULL JOIN t b ON a.i < b.j
SELECT a.n, b.n AS m FROM t a RIGHT JOIN t b ON a.i < b.j AND a.s LIKE 'a%'
SELECT a.n, b.n AS m FROM t a FULL JOIN t b ON a.i = b.j OR a.n = b.n
SELECT a.n, b.n AS m FROM t a FULL JOIN t b ON a.i IS NOT DISTINCT FROM b.j
SELECT a.n, b.n AS m FROM t a FULL JOIN t b ON a.s = b.s AND a.d < b.e
SELECT a.n, b.n AS m FROM t a FULL JOIN t b ON a.i = b.l
SELECT a.n, b.n AS m FROM t a FULL JOIN t b ON TRUE
SELECT a.n, b.n AS m FROM t a FULL JOIN t b ON a.n = 1
SELECT a.n, b.n AS m, row_number() OVER (ORDER BY a.n, b.n) AS r FROM t a FULL JOIN t b ON a.i = b.j
SELECT coalesce(a.i, b.j) AS k, a.d, b.e FROM t a FULL JOIN t b ON a.i = b.j ORDER BY k, a.d, b.e LIMIT 5
SELECT a.n, b.n AS m, c.n AS o FROM t a LEFT JOIN t b ON a.i = b.j RIGHT JOIN t c ON b.n = c.n AND a.n = c.n
trim(s)
trim(u)
ltrim('  ' || u || ' ')
rtrim(u, 'b_%')
trim(u, ']^-aA')
"""

REFUSED = """
i % j
sum(b)
CAST(f AS INTEGER)
CAST(ts AS VARCHAR)
CAST(s AS INTEGER)
s ILIKE 'a%'
s || i
upper(s)
substr(s, 0, 2)
greatest(f, g)
extract(dow FROM dt)
hour(ts)
b IS NOT TRUE
first_value(i) OVER (ORDER BY j)
sqrt(abs(i))
SELECT DISTINCT ON (j) j, i FROM t ORDER BY j, i
SELECT a.f FROM t a JOIN t b ON a.f = b.f
SELECT a.i FROM t a FULL JOIN t b ON a.f = b.f
SELECT i FROM (SELECT i FROM t) a FULL JOIN (SELECT l AS i FROM t) b USING (i)
SELECT a.i FROM t a NATURAL JOIN t b
SELECT i, (SELECT count(*) FROM t u WHERE u.i < t.i) AS m FROM t
WITH RECURSIVE a AS (SELECT 1 AS n) SELECT * FROM a
SELECT i, (SELECT max(u.d) FROM t u HAVING count(*) > 100) AS m FROM t
SELECT max(f) FILTER (WHERE i > 0) FROM t
SELECT count(DISTINCT i + j) AS n, sum(DISTINCT i) AS s FROM t
trim(s, u)
trim(s, '')
SELECT sum(3) AS a, sum(i) AS b FROM t
lower(s)
replace(s, 'a', 'b')
strftime(ts, '%Y')
uuid()
sum(i) OVER (ORDER BY j ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
ntile(2) OVER (ORDER BY i)
s LIKE u
i::SMALLINT
TRY_CAST(s AS INTEGER)
SELECT * FROM t PIVOT (sum(i) FOR j IN (1, 2))
SELECT * FROM range(3)
SELECT a.i FROM t a ASOF JOIN t b ON a.ts >= b.ts
SELECT i FROM t UNION ALL BY NAME SELECT j AS i FROM t
SELECT j, sum(i) FROM t GROUP BY ROLLUP (j)
SELECT i FROM t WHERE i > (SELECT j FROM t ORDER BY j LIMIT 1)
SELECT COLUMNS(*) FROM t
[1, 2]
{'a': 1}
i IS TRUE
left(s, 0)
right(s, 0)
'20240131'::DATE
dt > '2024-W05-3'
'2024-01-31T10'::TIMESTAMP
SELECT 1 AS a WHERE false
list(i)
median(i)
dt - dt
"""
