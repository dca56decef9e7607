/* ---
description: Every event as it was delivered; a file is read once
owner: shop-data
materialized: append
columns:
  event_id: {type: string, checks: [not_null]}
  at: {type: timestamp, checks: [not_null]}
  state: {type: string, checks: [{accepted: [placed, paid, shipped]}]}
checks:
  - unique: [event_id]
--- */
SELECT
    event_id,
    "at",
    customer_id,
    order_id,
    state,
    amount
FROM read_json(
    'raw/events/*.jsonl',
    columns = {
        'event_id': 'VARCHAR',
        'at': 'TIMESTAMP',
        'customer_id': 'INTEGER',
        'order_id': 'INTEGER',
        'state': 'VARCHAR',
        'amount': 'DECIMAL(10, 2)'
    }
)
