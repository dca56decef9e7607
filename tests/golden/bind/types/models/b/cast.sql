SELECT id::inte AS i FROM a.sales
