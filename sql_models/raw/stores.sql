/* ---
description: The stores and their time zones
owner: store-systems
columns:
  store_id: {type: int, checks: [not_null, unique]}
  name: {type: string, checks: [not_null]}
  city: {type: string, checks: [not_null]}
  country: {type: string, checks: [not_null, {matches: '^[A-Z]{2}$'}]}
  time_zone: {type: string, description: Name in the IANA time zone database, checks: [not_null]}
  currency: {type: string, description: What the till counts in, checks: [not_null, {matches: '^[A-Z]{3}$'}]}
checks:
  - rows: {min: 1}
--- */
SELECT
    store_id,
    name,
    city,
    country,
    time_zone,
    currency
FROM read_csv(
    'sql_models/_landing/stores/stores.csv',
    header = true,
    delim = ',',
    columns = {
        'store_id': 'INTEGER',
        'name': 'VARCHAR',
        'city': 'VARCHAR',
        'country': 'VARCHAR',
        'time_zone': 'VARCHAR',
        'currency': 'VARCHAR'
    }
)
