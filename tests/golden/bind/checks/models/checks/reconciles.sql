SELECT * FROM a.sales WHERE amuont < 0
