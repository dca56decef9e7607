/* ---
description: How much each station is used
owner: city-bikes
columns:
  station: {type: string, checks: [not_null, unique]}
--- */
SELECT station, count(*) AS trips, sum(minutes)::BIGINT AS minutes
FROM raw.trips
WHERE minutes >= $shortest
GROUP BY station
