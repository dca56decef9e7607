SELECT s.*, t.*
FROM a.sales s JOIN a.stores t USING (store)
