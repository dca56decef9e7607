SELECT abs(store) AS a FROM a.sales
