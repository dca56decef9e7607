SELECT order_id, address.*, unnest(address.geo) FROM raw.orders

-- edges
-- city <- copied raw.orders: address.city
-- geo <- copied raw.orders: address.geo
-- lat <- copied raw.orders: address.geo.lat
-- lon <- copied raw.orders: address.geo.lon
-- order_id <- copied raw.orders: order_id
-- street <- copied raw.orders: address.street
