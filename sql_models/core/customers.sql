/* ---
description: Customers of the loyalty card, with when and where they buy
owner: crm
columns:
  customer_id: {type: string, checks: [not_null, unique]}
  email: {type: string}
  country: {type: string}
  segment: {type: string, checks: [not_null]}
  signed_up_on: {type: date, checks: [not_null]}
  first_sale_on: {type: date, description: Empty for customers who never bought}
  last_sale_on: {type: date}
  home_store_id:
    type: int
    description: Where most of their receipts are from; of equals, the store with the lowest number
    checks:
      - relationship: raw.stores.store_id
checks:
  - expression: "first_sale_on <= last_sale_on"
--- */
WITH visits AS (
    SELECT
        customer_id,
        store_id,
        count(DISTINCT receipt_no) AS receipts,
        min(business_date) AS first_sale_on,
        max(business_date) AS last_sale_on
    FROM core.sales
    WHERE customer_id IS NOT NULL
      AND NOT is_return
    GROUP BY customer_id, store_id
),

habits AS (
    SELECT
        customer_id,
        store_id AS home_store_id,
        min(first_sale_on) OVER (PARTITION BY customer_id) AS first_sale_on,
        max(last_sale_on) OVER (PARTITION BY customer_id) AS last_sale_on
    FROM visits
    QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY receipts DESC, store_id) = 1
)

SELECT
    customers.customer_id,
    customers.email,
    customers.country,
    customers.segment,
    customers.signed_up_on,
    habits.first_sale_on,
    habits.last_sale_on,
    habits.home_store_id
FROM staging.customers AS customers
LEFT JOIN habits ON customers.customer_id = habits.customer_id
