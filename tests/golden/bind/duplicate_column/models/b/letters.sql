SELECT id, amount AS "ID" FROM a.sales
