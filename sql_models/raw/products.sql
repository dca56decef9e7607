/* ---
description: The products and their list prices
owner: category-management
columns:
  product_id: {type: string, checks: [not_null, unique, {matches: '^P[0-9]{3}$'}]}
  name: {type: string, checks: [not_null]}
  category: {type: string, checks: [not_null, {accepted: [Bakery, Drinks, Snacks, Travel]}]}
  list_price_eur: {type: "decimal(10,2)", checks: [not_null, {min: 0}]}
checks:
  - rows: {min: 1}
--- */
SELECT
    product_id,
    name,
    category,
    list_price_eur
FROM read_csv(
    'sql_models/_landing/products/products.csv',
    header = true,
    delim = ',',
    columns = {
        'product_id': 'VARCHAR',
        'name': 'VARCHAR',
        'category': 'VARCHAR',
        'list_price_eur': 'DECIMAL(10,2)'
    }
)
