SELECT * FROM read_csv('raw/slaes/*.csv')
