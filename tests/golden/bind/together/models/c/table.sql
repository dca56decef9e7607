SELECT * FROM a.sale
