SELECT id FROM read_csv('raw/sales/sales.csv')
