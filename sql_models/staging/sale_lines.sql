/* ---
description: "The lines of all tills in one shape: the fields still text, the time already read as its format asks"
owner: sales-analytics
materialized: view
columns:
  source_file: {type: string}
  source_line: {type: int}
  delivered_on: {type: date}
  line: {type: string, description: "What was delivered, for whoever repairs it"}
  is_whole: {type: boolean, description: Whether the line could be cut into its fields}
  store_id: {type: string}
  receipt_no: {type: string}
  line_no: {type: string}
  local_time: {type: timestamp, description: Where the till writes local time}
  utc_time: {type: timestamptz, description: Where the till writes a moment}
  customer_id: {type: string}
  product_id: {type: string}
  quantity: {type: string}
  unit_price: {type: string}
  currency: {type: string}
  discount_pct: {type: string}
--- */
WITH csv_lines AS (
    SELECT
        source_file,
        source_line,
        delivered_on,
        line,
        string_split(line, ';') AS fields
    FROM raw.pos_csv
),

json_lines AS (
    SELECT
        source_file,
        source_line,
        delivered_on,
        line,
        TRY_CAST(line AS JSON) AS fields
    FROM raw.pos_jsonl
)

SELECT
    source_file,
    source_line,
    delivered_on,
    line,
    len(fields) = 10 AS is_whole,
    fields[1] AS store_id,
    fields[2] AS receipt_no,
    fields[3] AS line_no,
    try_strptime(fields[4], '%Y-%m-%d %H:%M:%S') AS local_time,
    CAST(NULL AS TIMESTAMPTZ) AS utc_time,
    fields[5] AS customer_id,
    fields[6] AS product_id,
    fields[7] AS quantity,
    replace(fields[8], ',', '.') AS unit_price,  -- German tills write decimal commas
    fields[9] AS currency,
    replace(fields[10], ',', '.') AS discount_pct
FROM csv_lines

UNION ALL

SELECT
    source_file,
    source_line,
    delivered_on,
    line,
    fields IS NOT NULL AND json_type(fields) = 'OBJECT' AS is_whole,
    json_extract_string(fields, '$.store_id') AS store_id,
    json_extract_string(fields, '$.receipt_no') AS receipt_no,
    json_extract_string(fields, '$.line_no') AS line_no,
    CAST(NULL AS TIMESTAMP) AS local_time,
    -- A time without an offset would be read in the time zone of whoever runs this: not a moment.
    CASE
        WHEN regexp_matches(json_extract_string(fields, '$.sold_at'), '(Z|[+-]\d{2}:\d{2})$')
            THEN TRY_CAST(json_extract_string(fields, '$.sold_at') AS TIMESTAMPTZ)
    END AS utc_time,
    json_extract_string(fields, '$.customer_id') AS customer_id,
    json_extract_string(fields, '$.product_id') AS product_id,
    json_extract_string(fields, '$.quantity') AS quantity,
    json_extract_string(fields, '$.unit_price') AS unit_price,
    json_extract_string(fields, '$.currency') AS currency,
    json_extract_string(fields, '$.discount_pct') AS discount_pct
FROM json_lines

UNION ALL

SELECT
    source_file,
    source_line,
    delivered_on,
    CAST(
        to_json(
            {
                'store_id': store_id,
                'receipt_no': receipt_no,
                'line_no': line_no,
                'sold_at_ms': sold_at_ms,
                'customer_id': customer_id,
                'product_id': product_id,
                'quantity': quantity,
                'unit_price': CAST(unit_price AS VARCHAR),
                'currency': currency,
                'discount_pct': CAST(discount_pct AS VARCHAR)
            }
        ) AS VARCHAR
    ) AS line,
    true AS is_whole,
    CAST(store_id AS VARCHAR) AS store_id,
    receipt_no,
    CAST(line_no AS VARCHAR) AS line_no,
    CAST(NULL AS TIMESTAMP) AS local_time,
    epoch_ms(sold_at_ms) AT TIME ZONE 'UTC' AS utc_time,
    customer_id,
    product_id,
    CAST(quantity AS VARCHAR) AS quantity,
    CAST(unit_price AS VARCHAR) AS unit_price,
    currency,
    CAST(discount_pct AS VARCHAR) AS discount_pct
FROM raw.pos_parquet
