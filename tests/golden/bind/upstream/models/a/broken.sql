/* ---
columns:
  id: {type: long}
  store: {type: string}
--- */
SELECT id, store, nope FROM (SELECT 1::BIGINT AS id, 'x' AS store)
