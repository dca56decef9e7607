SELECT * FROM c.two
