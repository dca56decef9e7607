-- The marts add up to the lines they are made of.
WITH totals AS (
    SELECT
        'daily_sales' AS mart,
        sum(revenue_eur) AS of_mart,
        (SELECT sum(revenue_eur) FROM core.sales) AS of_sales
    FROM marts.daily_sales

    UNION ALL

    SELECT
        'customer_lifetime_value' AS mart,
        sum(lifetime_value_eur) AS of_mart,
        (SELECT sum(revenue_eur) FROM core.sales WHERE customer_id IS NOT NULL) AS of_sales
    FROM marts.customer_lifetime_value
)

SELECT mart, of_mart, of_sales
FROM totals
WHERE of_mart IS DISTINCT FROM of_sales
