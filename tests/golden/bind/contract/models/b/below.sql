SELECT amuont, stor FROM a.sales
