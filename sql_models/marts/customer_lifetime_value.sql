/* ---
description: What each customer of the loyalty card has brought so far, in euro
owner: crm
columns:
  customer_id: {type: string, checks: [not_null, unique, {relationship: core.customers.customer_id}]}
  segment: {type: string, checks: [not_null, {accepted: [basic, silver, gold]}]}
  country: {type: string}
  home_store_id: {type: int}
  first_sale_on: {type: date}
  last_sale_on: {type: date}
  receipts: {type: long, description: Returns are receipts too, checks: [not_null, {min: 0}]}
  lifetime_value_eur: {type: "decimal(18,2)", description: Revenue less returns, checks: [not_null]}
  value_rank: {type: long, description: 1 for the most valuable customer, checks: [not_null, {min: 1}]}
--- */
WITH totals AS (
    SELECT
        customer_id,
        count(DISTINCT store_id || '/' || receipt_no) AS receipts,
        sum(revenue_eur) AS revenue_eur
    FROM core.sales
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
),

valued AS (
    SELECT
        customers.customer_id,
        customers.segment,
        customers.country,
        customers.home_store_id,
        customers.first_sale_on,
        customers.last_sale_on,
        coalesce(totals.receipts, 0) AS receipts,
        CAST(coalesce(totals.revenue_eur, 0) AS DECIMAL(18, 2)) AS lifetime_value_eur
    FROM core.customers AS customers
    LEFT JOIN totals ON customers.customer_id = totals.customer_id
)

SELECT
    customer_id,
    segment,
    country,
    home_store_id,
    first_sale_on,
    last_sale_on,
    receipts,
    lifetime_value_eur,
    rank() OVER (ORDER BY lifetime_value_eur DESC) AS value_rank
FROM valued
