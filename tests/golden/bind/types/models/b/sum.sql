SELECT sum(store) AS total FROM a.sales
