SELECT id FROM sales WHERE (1 = 1
