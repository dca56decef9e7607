/* a licence */

/* ---
description:   kept    as it is
tags: [ a,b ]
--- */
-- about the query


with typed as ( -- the types
  select id, /* the time */ cast(at as timestamptz) as at,
    -- how much
    amount::decimal(18,2) as amount -- in euro
    , note
    -- about the kind
    , case -- first come
        when amount>0 then 'sale' -- goods
        -- then go
        else 'return' end as kind
  from raw.sales -- all of them
  where note not like '%--x%' /* no marks */ and amount is not null
    -- only new ones
    and at >= $since
)
-- the end
select * from typed -- typed rows
-- in order
order by at desc nulls last
/* the last word */
;
-- nothing more
