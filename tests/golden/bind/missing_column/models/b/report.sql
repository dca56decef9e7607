-- a comment that says amonut, and 'é'
SELECT
  store,
  'é' AS accent, sum(amonut) AS total
FROM a.sales
GROUP BY store
