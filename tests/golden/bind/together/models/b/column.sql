SELECT stroe FROM a.sales
