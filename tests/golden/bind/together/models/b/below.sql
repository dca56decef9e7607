SELECT anything FROM b.column
