SELECT idd FROM read_csv('raw/sales/*.csv')
