SELECT uper(store) AS s FROM a.sales
