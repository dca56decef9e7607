/* ---
description: Every line sold or returned, in euro, with its product and its customer
owner: sales-analytics
partition_by: [month(business_date)]
columns:
  store_id: {type: int, checks: [not_null, {relationship: raw.stores.store_id}]}
  receipt_no: {type: string, checks: [not_null]}
  line_no: {type: int, checks: [not_null]}
  business_date: {type: date, checks: [not_null]}
  sold_at: {type: timestamptz, checks: [not_null]}
  customer_id: {type: string, description: Empty without a card or with an unknown one}
  customer_segment: {type: string, checks: [{accepted: [basic, silver, gold]}]}
  customer_country: {type: string}
  product_id: {type: string, checks: [not_null]}
  category: {type: string, checks: [not_null]}
  quantity: {type: int, checks: [not_null]}
  is_return: {type: boolean, checks: [not_null]}
  currency: {type: string, checks: [not_null]}
  eur_per_unit: {type: "decimal(18,8)", description: The rate that holds on the business day, checks: [not_null]}
  gross_eur: {type: "decimal(18,2)", description: Before discount; below zero for a return, checks: [not_null]}
  discount_eur: {type: "decimal(18,2)", checks: [not_null]}
  revenue_eur: {type: "decimal(18,2)", checks: [not_null]}
checks:
  - unique: [store_id, receipt_no, line_no]
  - expression: "revenue_eur = gross_eur - discount_eur"
  - expression: "is_return = (gross_eur < 0 OR revenue_eur < 0)"
    severity: warn
--- */
WITH priced AS (
    SELECT
        sales.*,
        CASE
            WHEN sales.currency = 'EUR' THEN CAST(1 AS DECIMAL(18, 8))
            ELSE rates.eur_per_unit
        END AS eur_per_unit,
        CAST(sales.quantity * sales.unit_price AS DECIMAL(20, 2)) AS gross
    FROM staging.sales AS sales
    LEFT JOIN staging.fx_rates AS rates
        ON sales.currency = rates.currency
        AND sales.business_date >= rates.valid_from
        AND sales.business_date < rates.valid_until
),

-- The discount is rounded as on the receipt, in the currency of the line; wide decimals, so nothing overflows.
discounted AS (
    SELECT
        *,
        CAST(gross - round(gross * discount_pct * CAST(0.01 AS DECIMAL(3, 2)), 2) AS DECIMAL(20, 2)) AS net
    FROM priced
),

in_euro AS (
    SELECT
        *,
        CAST(round(gross * eur_per_unit, 2) AS DECIMAL(18, 2)) AS gross_eur,
        CAST(round(net * eur_per_unit, 2) AS DECIMAL(18, 2)) AS revenue_eur
    FROM discounted
)

SELECT
    lines.store_id,
    lines.receipt_no,
    lines.line_no,
    lines.business_date,
    lines.sold_at,
    customers.customer_id,
    customers.segment AS customer_segment,
    customers.country AS customer_country,
    lines.product_id,
    products.category,
    lines.quantity,
    lines.quantity < 0 AS is_return,
    lines.currency,
    lines.eur_per_unit,
    lines.gross_eur,
    CAST(lines.gross_eur - lines.revenue_eur AS DECIMAL(18, 2)) AS discount_eur,
    lines.revenue_eur
FROM in_euro AS lines
LEFT JOIN raw.products AS products
    ON lines.product_id = products.product_id
LEFT JOIN staging.customers AS customers
    ON lines.customer_id = customers.customer_id
