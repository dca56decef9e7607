/* ---
description: Every version of every customer, with the time that it held for
owner: shop-data
materialized: history
unique_key: customer_id
updated_at: updated_at
--- */
SELECT customer_id, city, updated_at
FROM read_json(
    'raw/customers.jsonl',
    columns = {'customer_id': 'INTEGER', 'city': 'VARCHAR', 'updated_at': 'TIMESTAMPTZ'}
)
