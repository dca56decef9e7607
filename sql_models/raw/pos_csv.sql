/* ---
description: Every line of the CSV files of the tills, as text, with the place it came from
owner: store-systems
materialized: append
columns:
  source_file: {type: string, description: Name of the file, checks: [not_null]}
  source_line: {type: int, description: "Line in the file, from 1", checks: [not_null, {min: 2}]}
  delivered_on: {type: date, description: Day on which the file arrived; stands in its name, checks: [not_null]}
  line: {type: string, description: The line without its line end, checks: [not_null]}
checks:
  - unique: [source_file, source_line]
  - rows: {min: 1}
--- */
-- Read as text, not as CSV: a torn line must not stop the load, nor get lost in it.
WITH lines AS (
    SELECT
        parse_filename(filename) AS source_file,
        unnest(string_split(content, chr(10))) AS line,
        generate_subscripts(string_split(content, chr(10)), 1) AS source_line
    FROM read_text('sql_models/_landing/pos/csv/*.csv')
)

SELECT
    source_file,
    CAST(source_line AS INTEGER) AS source_line,
    CAST(regexp_extract(source_file, 'delivered_(\d{4}-\d{2}-\d{2})', 1) AS DATE) AS delivered_on,
    rtrim(line, chr(13)) AS line  -- some tills end their lines as Windows does
FROM lines
WHERE source_line > 1  -- the first line holds the names
  AND trim(line, chr(13) || ' ') <> ''
