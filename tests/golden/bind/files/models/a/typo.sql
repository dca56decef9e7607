SELECT * FROM 'raw/sales/saels.csv'
