-- A mart as people write them.
WITH lines AS (
    SELECT o.order_id, o.store_id, o.customer_id, o.ordered_at::DATE AS day, unnest(o.lines) AS line, o.amount, o.discount
    FROM raw.orders AS o
    WHERE o.status <> 'cancelled'
),
returned AS (
    SELECT order_id, sum(amount) AS amount FROM raw.returns GROUP BY order_id
),
priced AS (
    SELECT l.* EXCLUDE (line), l.line.quantity AS quantity, coalesce(r.amount, 0) AS returned,
        (l.amount - l.discount) * coalesce(x.rate, 1) AS net
    FROM lines AS l
    LEFT JOIN returned AS r USING (order_id)
    LEFT JOIN raw.stores AS s USING (store_id)
    ASOF LEFT JOIN raw.rates AS x ON x.country = s.country AND l.day >= x.day
)
SELECT
    p.store_id,
    p.day,
    sum(p.net) AS revenue,
    sum(p.quantity) AS pieces,
    sum(p.net) FILTER (WHERE c.since = p.day) AS from_new_customers,
    sum(p.net) / sum(sum(p.net)) OVER (PARTITION BY p.day) AS share
FROM priced AS p
LEFT JOIN raw.customers AS c USING (customer_id)
GROUP BY 1, 2

-- edges
-- day <- derived raw.orders: ordered_at
-- from_new_customers <- derived raw.customers: since
-- from_new_customers <- derived raw.orders: amount, discount, ordered_at
-- from_new_customers <- derived raw.rates: rate
-- pieces <- derived raw.orders: lines
-- revenue <- derived raw.orders: amount, discount
-- revenue <- derived raw.rates: rate
-- share <- derived raw.orders: amount, discount, ordered_at
-- share <- derived raw.rates: rate
-- store_id <- copied raw.orders: store_id
-- * <- filter raw.customers: customer_id
-- * <- filter raw.orders: customer_id, lines, order_id, ordered_at, status, store_id
-- * <- filter raw.rates: country, day
-- * <- filter raw.returns: order_id
-- * <- filter raw.stores: country, store_id
