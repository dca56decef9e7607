SELECT * FROM c.one
