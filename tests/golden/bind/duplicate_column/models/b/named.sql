SELECT id, store, amount AS id FROM a.sales
