-- Letter case of names does not count; edges spell a column as its table does.
SELECT ORDER_ID AS id, "Amount" FROM RAW.ORDERS AS "O" WHERE o.Status IS NOT NULL

-- edges
-- amount <- copied raw.orders: amount
-- id <- copied raw.orders: order_id
-- * <- filter raw.orders: status
