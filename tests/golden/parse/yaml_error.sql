/* ---
description: unquoted: colon
--- */
SELECT * FROM a.t WHEER x = 1 2
