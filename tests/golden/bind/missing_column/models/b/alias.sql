SELECT q.store FROM a.sales AS s
