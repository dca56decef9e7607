/* ---
description: Every delivered line once, typed, with the reason why it does not count if there is one
owner: sales-analytics
columns:
  source_file: {type: string, checks: [not_null]}
  source_line: {type: int, checks: [not_null]}
  delivered_on: {type: date, checks: [not_null]}
  line: {type: string, checks: [not_null]}
  reason: {type: string, description: The first rule that the line breaks; empty for a good line}
  store_id: {type: int}
  receipt_no: {type: string}
  line_no: {type: int}
  sold_at: {type: timestamptz, description: The moment of the sale}
  local_time: {type: timestamp, description: What a right clock in the store showed}
  business_date: {type: date, description: Starts at 05:00 in the store}
  customer_id: {type: string, description: As scanned; may be unknown}
  product_id: {type: string}
  quantity: {type: int, description: Below zero for a return}
  unit_price: {type: "decimal(10,2)", description: In the currency of the line}
  currency: {type: string}
  discount_pct: {type: "decimal(5,2)"}
checks:
  - unique: [source_file, source_line]
--- */
WITH tidy AS (
    SELECT
        source_file,
        source_line,
        delivered_on,
        line,
        is_whole,
        nullif(trim(store_id), '') AS store_id,
        nullif(trim(receipt_no), '') AS receipt_no,
        nullif(trim(line_no), '') AS line_no,
        local_time,
        utc_time,
        nullif(trim(customer_id), '') AS customer_id,
        nullif(trim(product_id), '') AS product_id,
        coalesce(trim(quantity), '') AS quantity,
        coalesce(trim(unit_price), '') AS unit_price,
        nullif(upper(trim(currency)), '') AS currency,
        coalesce(nullif(trim(discount_pct), ''), '0') AS discount_pct
    FROM staging.sale_lines
),

-- Local time becomes a moment by the store's time zone: the second of two equal hours in autumn, winter time in
-- the hour that spring leaves out.
placed AS (
    SELECT
        tidy.*,
        stores.time_zone,
        coalesce(tidy.utc_time, tidy.local_time AT TIME ZONE stores.time_zone) AS sold_at
    FROM tidy
    LEFT JOIN raw.stores AS stores
        ON TRY_CAST(tidy.store_id AS INTEGER) = stores.store_id
),

dated AS (
    SELECT
        placed.* EXCLUDE (local_time),
        sold_at AT TIME ZONE time_zone AS local_time,
        CAST((sold_at AT TIME ZONE time_zone) - INTERVAL 5 HOUR AS DATE) AS business_date
    FROM placed
),

currencies AS (
    SELECT currency FROM staging.fx_rates
    UNION
    SELECT 'EUR' AS currency
)

SELECT
    lines.source_file,
    lines.source_line,
    lines.delivered_on,
    lines.line,
    CASE
        WHEN NOT lines.is_whole
            THEN 'malformed_line'
        WHEN lines.receipt_no IS NULL
            OR NOT regexp_full_match(coalesce(lines.store_id, ''), '\d{1,6}')
            OR NOT regexp_full_match(coalesce(lines.line_no, ''), '\d{1,4}')
            THEN 'missing_key'
        WHEN lines.time_zone IS NULL
            THEN 'unknown_store'
        WHEN lines.sold_at IS NULL
            THEN 'bad_time'
        WHEN lines.business_date > lines.delivered_on
            OR lines.business_date < lines.delivered_on - INTERVAL 62 DAY
            THEN 'implausible_time'
        WHEN NOT regexp_full_match(lines.quantity, '-?\d{1,4}')
            OR TRY_CAST(lines.quantity AS INTEGER) = 0
            OR NOT regexp_full_match(lines.unit_price, '\d{1,7}(\.\d{1,2})?')
            OR NOT regexp_full_match(lines.discount_pct, '\d{1,3}(\.\d{1,2})?')
            OR TRY_CAST(lines.discount_pct AS DECIMAL(5, 2)) > 100
            THEN 'bad_number'
        WHEN products.product_id IS NULL
            THEN 'unknown_product'
        WHEN currencies.currency IS NULL
            THEN 'unknown_currency'
        WHEN lines.currency <> 'EUR' AND rates.currency IS NULL
            THEN 'missing_rate'
    END AS reason,
    TRY_CAST(lines.store_id AS INTEGER) AS store_id,
    lines.receipt_no,
    TRY_CAST(lines.line_no AS INTEGER) AS line_no,
    lines.sold_at,
    lines.local_time,
    lines.business_date,
    lines.customer_id,
    lines.product_id,
    TRY_CAST(lines.quantity AS INTEGER) AS quantity,
    TRY_CAST(lines.unit_price AS DECIMAL(10, 2)) AS unit_price,
    lines.currency,
    TRY_CAST(lines.discount_pct AS DECIMAL(5, 2)) AS discount_pct
FROM dated AS lines
LEFT JOIN raw.products AS products
    ON lines.product_id = products.product_id
LEFT JOIN currencies
    ON lines.currency = currencies.currency
LEFT JOIN staging.fx_rates AS rates
    ON lines.currency = rates.currency
    AND lines.business_date >= rates.valid_from
    AND lines.business_date < rates.valid_until
