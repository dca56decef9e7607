SELECT sum(store) AS s FROM a.broken
