/* ---
materialized: merge
unique_key: [idd]
partition_by: [daay]
sort_by: [store desc, amonut]
--- */
SELECT id, store, day, amount FROM a.sales
