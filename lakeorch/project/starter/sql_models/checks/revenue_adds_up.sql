-- a row here is a mistake: the two marts must tell of the same money
SELECT by_day.revenue AS by_day, by_customer.revenue AS by_customer
FROM (SELECT sum(revenue) AS revenue FROM marts.daily_revenue) AS by_day
CROSS JOIN (SELECT sum(revenue) AS revenue FROM marts.customer_revenue) AS by_customer
WHERE by_day.revenue IS DISTINCT FROM by_customer.revenue
