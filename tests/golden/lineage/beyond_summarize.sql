SELECT column_name, min FROM (SUMMARIZE raw.returns)

-- edges
-- column_name <- derived raw.returns: amount, order_id, reason, returned_at
-- min <- derived raw.returns: amount, order_id, reason, returned_at
-- * <- filter raw.returns: amount, order_id, reason, returned_at
