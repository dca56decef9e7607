with recursive steps(n, path) as not materialized (select 1, [1] union all select n+1, list_append(path,n+1) from steps where n<10), b as (values (1,'one'),(2,'two')), c as materialized (from b select distinct on (column0) column0 as id)
select s.n, count(distinct s.path) filter (where s.n>1 and c.id is not null) as paths, sum(s.n) over (partition by c.id order by s.n rows between 3 preceding and current row) as running, last_value(s.n ignore nulls) over w,
(select max(x) from other.table_of_things as t where t.id=c.id and t.x between 1 and 2 and t.kind in ('aaaaaaaaaaaa','bbbbbbbbbbbbbbbb')) as most,
coalesce(s.n,-1)*2+1 as odd, 'x'||'y' as z, {'key':s.n,'other':[1,2,3][1:2]} as facts, (s.n is null or c.id=1)and s.n>0 as ok, list_transform(s.path,x->x+1) as l, interval 5 day as span, date '2025-01-01' as d
from steps s left join c on s.n=c.id and c.id>0 or c.id is null join lateral (select 1 as one) l on true, unnest(s.path) u(x)
where exists(select 1 from b where b.column0=s.n) and s.n not in (1,2,3) and not (s.n=5 or s.n=6)
group by all having count(*)>1 qualify row_number() over w=1
window w as (partition by c.id order by s.n desc nulls last)
order by 1,2 desc limit 10 offset 5
