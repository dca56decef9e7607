SELECT * FROM a.salse
