-- A field is a path of its own; the whole is copied as a whole.
SELECT address.city, o.address.geo.lat, address['street'] AS street, struct_extract(address, 'geo').lon AS lon, address
FROM raw.orders AS o
WHERE address.geo.lon > 0

-- edges
-- address <- copied raw.orders: address
-- city <- copied raw.orders: address.city
-- lat <- copied raw.orders: address.geo.lat
-- lon <- copied raw.orders: address.geo.lon
-- street <- copied raw.orders: address.street
-- * <- filter raw.orders: address.geo.lon
