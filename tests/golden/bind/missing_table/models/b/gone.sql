SELECT * FROM old.model
