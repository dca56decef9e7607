/* ---
description: Sales as the tills delivered them; a file is read once
owner: till-team
materialized: append
columns:
  sale_id: {type: int, checks: [not_null]}
  amount: {type: "decimal(10,2)", description: In euro, checks: [{min: 0}]}
checks:
  - unique: [sale_id]
--- */
SELECT
    sale_id,
    shop,
    sold_on,
    amount
FROM read_csv(
    'raw/sales/*.csv',
    columns = {
        'sale_id': 'INTEGER',
        'shop': 'VARCHAR',
        'sold_on': 'DATE',
        'amount': 'DECIMAL(10, 2)'
    }
)
