/* ---
description: Customers, one row each
owner: shop-team
columns:
  customer_id: {type: long, description: Customer number, checks: [not_null, unique]}
--- */
SELECT
    customer_id,
    name,
    city,
    joined_on
FROM read_csv('data/customers.csv')
