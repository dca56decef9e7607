/* ---
description: Rides, revenue and distance from the hub per day; Polars runs it
columns:
  day:     {type: date, checks: [not_null, unique]}
  revenue: {type: "decimal(38,2)", checks: [not_null]}
--- */
SELECT
    CAST(r.started_at AS DATE) AS day,
    count(*) AS rides,
    sum(r.fare) AS revenue,
    round(avg(d.km), 2) AS km
FROM raw.rides AS r
JOIN core.distances AS d ON d.ride = r.ride
GROUP BY CAST(r.started_at AS DATE)
