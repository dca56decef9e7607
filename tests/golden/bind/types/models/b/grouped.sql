SELECT store, id FROM a.sales GROUP BY store
