SELECT id,
  store + 1 AS more FROM a.sales
