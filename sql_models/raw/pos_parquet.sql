/* ---
description: Every row of the Parquet files of the tills, with the place it came from
owner: store-systems
materialized: append
columns:
  source_file: {type: string, description: Name of the file, checks: [not_null]}
  source_line: {type: int, description: "Row in the file, from 1", checks: [not_null, {min: 1}]}
  delivered_on: {type: date, description: Day on which the file arrived; stands in its name, checks: [not_null]}
  store_id: {type: int}
  receipt_no: {type: string}
  line_no: {type: int}
  sold_at_ms: {type: long, description: Milliseconds of UTC since 1970}
  customer_id: {type: string}
  product_id: {type: string}
  quantity: {type: int}
  unit_price: {type: "decimal(10,2)"}
  currency: {type: string}
  discount_pct: {type: "decimal(5,2)"}
checks:
  - unique: [source_file, source_line]
  - rows: {min: 1}
--- */
SELECT
    parse_filename(filename) AS source_file,
    CAST(file_row_number + 1 AS INTEGER) AS source_line,
    CAST(regexp_extract(filename, 'delivered_(\d{4}-\d{2}-\d{2})', 1) AS DATE) AS delivered_on,
    store_id,
    receipt_no,
    line_no,
    sold_at_ms,
    customer_id,
    product_id,
    quantity,
    unit_price,
    currency,
    discount_pct
FROM read_parquet('sql_models/_landing/pos/parquet/*.parquet', filename = true, file_row_number = true)
