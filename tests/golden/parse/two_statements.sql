/* --- owner: me --- */
SELECT 1 AS a; -- the first is complete

SELECT 2 AS b;
