SELECT *
FROM read_json('raw/sales/broken.jsonl')
