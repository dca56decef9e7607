/* a licence */

/* ---
description:   kept    as it is
tags: [ a,b ]
--- */
-- about the query

WITH typed AS (  -- the types
    SELECT
        id,
        /* the time */ CAST(at AS TIMESTAMPTZ) AS at,
        -- how much
        amount::DECIMAL(18, 2) AS amount,  -- in euro
        note,
        -- about the kind
        CASE  -- first come
            WHEN amount > 0 THEN 'sale'  -- goods
            -- then go
            ELSE 'return'
        END AS kind
    FROM raw.sales  -- all of them
    WHERE note NOT LIKE '%--x%'
      /* no marks */ AND amount IS NOT NULL
      -- only new ones
      AND at >= $since
)

-- the end
SELECT *
FROM typed  -- typed rows
-- in order
ORDER BY at DESC NULLS LAST
/* the last word */
;
-- nothing more
