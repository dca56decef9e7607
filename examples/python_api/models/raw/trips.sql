/* ---
description: Trips of a bicycle rental, one row per trip
owner: city-bikes
columns:
  trip_id: {type: int, checks: [not_null, unique]}
  minutes: {type: int, checks: [{min: 1}]}
--- */
SELECT
    trip_id,
    station,
    started_on,
    minutes
FROM read_csv(
    'raw/trips.csv',
    columns = {
        'trip_id': 'INTEGER',
        'station': 'VARCHAR',
        'started_on': 'DATE',
        'minutes': 'INTEGER'
    }
)
