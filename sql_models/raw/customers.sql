/* ---
description: Customers of the loyalty card, one row for each state that was delivered
owner: crm
columns:
  customer_id: {type: string, checks: [not_null]}
  email: {type: string, description: As typed by the customer}
  country: {type: string}
  segment: {type: string}
  signed_up_on: {type: date}
  updated_at: {type: timestamp, description: When this state of the customer was saved, checks: [not_null]}
checks:
  - unique: [customer_id, updated_at]
  - rows: {min: 1}
--- */
SELECT
    customer_id,
    email,
    country,
    segment,
    signed_up_on,
    updated_at
FROM read_csv(
    'sql_models/_landing/customers/*.csv',
    header = true,
    delim = ',',
    columns = {
        'customer_id': 'VARCHAR',
        'email': 'VARCHAR',
        'country': 'VARCHAR',
        'segment': 'VARCHAR',
        'signed_up_on': 'DATE',
        'updated_at': 'TIMESTAMP'
    }
)
