/* ---
description: The delivered lines that do not count, each with its reason, for whoever repairs and sends them again
owner: store-systems
columns:
  source_file: {type: string, checks: [not_null]}
  source_line: {type: int, checks: [not_null]}
  delivered_on: {type: date, checks: [not_null]}
  reason:
    type: string
    description: The first rule that the line breaks
    checks:
      - not_null
      - accepted: [malformed_line, missing_key, unknown_store, bad_time, implausible_time, bad_number,
                   unknown_product, unknown_currency, missing_rate]
  line: {type: string, description: What was delivered, checks: [not_null]}
checks:
  - unique: [source_file, source_line]
  - {rows: {max: 100000}, severity: warn}
--- */
SELECT
    source_file,
    source_line,
    delivered_on,
    reason,
    line
FROM staging.checked_lines
WHERE reason IS NOT NULL
