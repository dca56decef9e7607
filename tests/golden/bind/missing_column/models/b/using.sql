SELECT count(*) AS n FROM a.sales JOIN b.other USING (stor)
