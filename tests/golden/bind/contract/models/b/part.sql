/* ---
columns:
  id: {type: long}
--- */
SELECT id, store FROM a.sales
