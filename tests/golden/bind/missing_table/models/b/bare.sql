SELECT store FROM saels
UNION ALL
SELECT store FROM nothing_like_it
