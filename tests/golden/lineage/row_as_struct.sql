SELECT r, (r).reason AS why FROM raw.returns AS r

-- edges
-- r.amount <- copied raw.returns: amount
-- r.order_id <- copied raw.returns: order_id
-- r.reason <- copied raw.returns: reason
-- r.returned_at <- copied raw.returns: returned_at
-- why <- copied raw.returns: reason
