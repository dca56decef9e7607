/* ---
description: The lines that count, each one once
owner: sales-analytics
columns:
  store_id: {type: int, checks: [not_null, {relationship: raw.stores.store_id}]}
  receipt_no: {type: string, checks: [not_null]}
  line_no: {type: int, checks: [not_null, {min: 1}]}
  sold_at: {type: timestamptz, description: The moment of the sale, checks: [not_null]}
  local_time: {type: timestamp, description: What a right clock in the store showed, checks: [not_null]}
  business_date: {type: date, description: Starts at 05:00 in the store, checks: [not_null]}
  customer_id: {type: string, description: As scanned; may be unknown}
  product_id: {type: string, checks: [not_null, {relationship: {to: raw.products, column: product_id}}]}
  quantity: {type: int, description: Below zero for a return, checks: [not_null]}
  unit_price: {type: "decimal(10,2)", description: In the currency of the line, checks: [not_null, {min: 0}]}
  currency: {type: string, checks: [not_null, {matches: '^[A-Z]{3}$'}]}
  discount_pct: {type: "decimal(5,2)", checks: [not_null, {min: 0}, {max: 100}]}
  copies: {type: int, description: How often the line was delivered in good shape, checks: [not_null, {min: 1}]}
  source_file: {type: string, description: The delivery that won, checks: [not_null]}
  source_line: {type: int, checks: [not_null]}
checks:
  - unique: [store_id, receipt_no, line_no]
  - rows: {min: 1}
  - expression: "quantity <> 0"
--- */
SELECT
    store_id,
    receipt_no,
    line_no,
    sold_at,
    local_time,
    business_date,
    customer_id,
    product_id,
    quantity,
    unit_price,
    currency,
    discount_pct,
    CAST(count(*) OVER (PARTITION BY store_id, receipt_no, line_no) AS INTEGER) AS copies,
    source_file,
    source_line
FROM staging.checked_lines
WHERE reason IS NULL
-- The delivery that arrived last wins: tills send corrections, never older states.
QUALIFY row_number() OVER (
    PARTITION BY store_id, receipt_no, line_no
    ORDER BY delivered_on DESC, source_file DESC, source_line DESC
) = 1
