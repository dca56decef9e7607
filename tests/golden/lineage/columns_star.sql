SELECT COLUMNS(* EXCLUDE (reason, returned_at)) + 1 FROM raw.returns

-- edges
-- amount <- derived raw.returns: amount
-- order_id <- derived raw.returns: order_id
