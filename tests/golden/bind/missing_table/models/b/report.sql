SELECT * FROM a.slaes
