/* ---
description: The treasury's daily rates as they were published, mistakes included
owner: treasury
columns:
  rate_date: {type: date, description: Day for which the rate was published, checks: [not_null]}
  currency: {type: string, checks: [not_null, {matches: '^[A-Z]{3}$'}]}
  eur_per_unit: {type: string, description: "Euro for one unit of the currency, as text: it is not always a number"}
  published_at: {type: timestamp, checks: [not_null]}
checks:
  - rows: {min: 1}
--- */
SELECT
    rate_date,
    currency,
    eur_per_unit,
    published_at
FROM read_csv(
    'sql_models/_landing/rates/*.csv',
    header = true,
    delim = ',',
    columns = {
        'rate_date': 'DATE',
        'currency': 'VARCHAR',
        'eur_per_unit': 'VARCHAR',
        'published_at': 'TIMESTAMP'
    }
)
