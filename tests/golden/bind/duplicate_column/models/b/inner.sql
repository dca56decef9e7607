WITH pairs AS (SELECT s.*, t.* FROM a.sales s, a.stores t)
SELECT * FROM pairs
