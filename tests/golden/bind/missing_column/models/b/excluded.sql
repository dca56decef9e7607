SELECT * EXCLUDE (stor) FROM a.sales
