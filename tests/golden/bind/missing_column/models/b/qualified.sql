SELECT s.store, s.dya FROM a.sales AS s
