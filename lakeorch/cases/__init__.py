"""Tests of models on a few rows, in memory: `FOLDER/tests/*.yml`.

`file` reads cases, `values` gives written values the types of columns, `scene` sets what a case runs on, `running` runs
it, `diff` says what differs; `create` and `write` make a case from rows that are published.
"""
