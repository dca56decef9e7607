/* ---
description: Customers of the loyalty card, the newest state of each
owner: crm
columns:
  customer_id: {type: string, checks: [not_null, unique]}
  email: {type: string, description: In lower case, checks: [{matches: '^[^@]+@[^@]+$', severity: warn}]}
  country: {type: string, description: Unknown where empty, checks: [{matches: '^[A-Z]{2}$'}]}
  segment: {type: string, checks: [not_null, {accepted: [basic, silver, gold]}]}
  signed_up_on: {type: date, checks: [not_null]}
--- */
SELECT
    customer_id,
    lower(trim(email)) AS email,
    nullif(upper(trim(country)), '') AS country,
    segment,
    signed_up_on
FROM raw.customers
QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY updated_at DESC) = 1
