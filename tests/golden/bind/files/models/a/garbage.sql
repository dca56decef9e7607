SELECT * FROM 'raw/sales/garbage.parquet'
