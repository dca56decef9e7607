SELECT id, amount AS id_1 FROM a.sales
