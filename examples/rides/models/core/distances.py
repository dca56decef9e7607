"""---
description: How far from the hub each ride began, in kilometres
columns:
  ride: {type: long, checks: [not_null, unique]}
  km:   {type: double, description: As the crow flies, checks: [not_null, {min: 0}]}
---"""

import polars as pl

from lib.earth import distance


def model(rides: pl.LazyFrame, hub_lat: float, hub_lon: float) -> pl.LazyFrame:
    return rides.select("ride", km=distance(pl.col("lat"), pl.col("lon"), hub_lat, hub_lon))
