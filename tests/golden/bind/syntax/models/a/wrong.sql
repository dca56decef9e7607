SELECT id,
  FROM sales WHERE
