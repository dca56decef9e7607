select a from t union all by name select a from u except (select a from v intersect select a from w) order by a limit 3
