/* ---
description: Sales per store and business day, in euro
owner: sales-analytics
partition_by: [month(business_date)]
columns:
  store_id: {type: int, description: Store number, checks: [not_null, {relationship: raw.stores.store_id}]}
  business_date: {type: date, description: From 05:00 to 05:00 in the store, checks: [not_null]}
  receipts: {type: long, description: Receipts with at least one line that counts, checks: [not_null, {min: 1}]}
  units_sold: {type: long, description: Without returns, checks: [not_null, {min: 0}]}
  gross_eur: {type: "decimal(18,2)", description: Goods sold at full price, checks: [not_null, {min: 0}]}
  discount_eur: {type: "decimal(18,2)", description: Discount on goods sold, checks: [not_null, {min: 0}]}
  returns_eur: {type: "decimal(18,2)", description: Money given back, checks: [not_null, {min: 0}]}
  revenue_eur: {type: "decimal(18,2)", description: What remains, checks: [not_null]}
checks:
  - unique: [store_id, business_date]
  - rows: {min: 1}
  - expression: "revenue_eur = gross_eur - discount_eur - returns_eur"
tags: [daily]
--- */
SELECT
    store_id,
    business_date,
    count(DISTINCT receipt_no) AS receipts,
    CAST(sum(CASE WHEN is_return THEN 0 ELSE quantity END) AS BIGINT) AS units_sold,
    CAST(sum(CASE WHEN is_return THEN 0 ELSE gross_eur END) AS DECIMAL(18, 2)) AS gross_eur,
    CAST(sum(CASE WHEN is_return THEN 0 ELSE discount_eur END) AS DECIMAL(18, 2)) AS discount_eur,
    CAST(sum(CASE WHEN is_return THEN -revenue_eur ELSE 0 END) AS DECIMAL(18, 2)) AS returns_eur,
    CAST(sum(revenue_eur) AS DECIMAL(18, 2)) AS revenue_eur
FROM core.sales
GROUP BY store_id, business_date
