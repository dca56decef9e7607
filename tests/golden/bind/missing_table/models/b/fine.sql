SELECT id FROM ext.orders
