SELECT now(), current_date AS day
