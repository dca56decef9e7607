"""The checks: one file each, found by `lakeorch.plugins`. A check says which rows break a rule; it runs nothing.

A check module has exactly one of these two functions, whose docstring is the check's documentation:

- `condition(check: Check) -> str`: for a rule on one row at a time. A SQL condition over the table's columns that is
  true for a row that breaks the rule; false and NULL mean that the row is fine. All such checks of a table are
  counted in one scan.
- `query(relation: str, check: Check) -> str`: for any other rule. A SELECT of the rows that break it; no row means
  that it holds. `relation` is the audited table, quoted.

Both raise ValueError where the check's options make no sense. The time of the run is `check.options["now"]`.
"""
