"""Distances on the ground."""

from math import cos, radians

import polars as pl

KM_PER_DEGREE = 111.195


def distance(lat: pl.Expr, lon: pl.Expr, to_lat: float, to_lon: float) -> pl.Expr:
    """Kilometres between points that are not far apart."""
    north = (lat - to_lat) * KM_PER_DEGREE
    east = (lon - to_lon) * KM_PER_DEGREE * cos(radians(to_lat))
    return (north**2 + east**2).sqrt()
