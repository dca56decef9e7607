/* ---
description: Rides of shared bicycles; made up, the same on every machine
columns:
  ride: {type: long, checks: [not_null, unique]}
--- */
SELECT
    i AS ride,
    'B' || (i * i * 7 + i * 13) % 37 AS bike,
    TIMESTAMP '2025-05-01 06:00:00' + INTERVAL (i * 13) MINUTE AS started_at,
    46.94 + (i * 31 % 100) / 5000 AS lat,
    7.43 + (i * 57 % 100) / 4000 AS lon,
    CAST(1 + (i * 17 % 23) * 0.35 AS DECIMAL(6, 2)) AS fare
FROM range(2000) AS t(i)
