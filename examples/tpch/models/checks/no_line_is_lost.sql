-- The sales have every order line once, and the countries' revenue adds up to theirs.
SELECT *
FROM (
    SELECT
        (SELECT count(*) FROM core.sales) - (SELECT count(*) FROM raw.lineitem) AS lines,
        (SELECT sum(net_revenue) FROM core.sales) - (SELECT sum(net_revenue) FROM marts.monthly_revenue) AS revenue
)
WHERE lines <> 0
  OR revenue <> 0
