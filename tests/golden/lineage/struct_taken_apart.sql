-- And what is taken out again goes back to its own origin.
WITH t AS (SELECT struct_pack(id := order_id, place := address.geo, net := amount - discount) AS s FROM raw.orders)
SELECT s.id, s.place.lat, s.net, struct_insert(s, extra := 1).id AS again FROM t

-- edges
-- again <- copied raw.orders: order_id
-- id <- copied raw.orders: order_id
-- lat <- copied raw.orders: address.geo.lat
-- net <- derived raw.orders: amount, discount
