-- A struct that the query makes has an edge for each field.
SELECT {'id': order_id, 'money': {'net': amount - discount, 'gross': amount}} AS o FROM raw.orders

-- edges
-- o.id <- copied raw.orders: order_id
-- o.money.gross <- copied raw.orders: amount
-- o.money.net <- derived raw.orders: amount, discount
