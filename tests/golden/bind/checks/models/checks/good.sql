SELECT * FROM sales WHERE amount < 0
