-- The tables that the queries beside this file read.
CREATE SCHEMA raw;
CREATE TABLE raw.orders (
    order_id INTEGER, customer_id INTEGER, store_id INTEGER, ordered_at TIMESTAMP, status VARCHAR,
    amount DECIMAL(18, 2), discount DECIMAL(18, 2), tags VARCHAR[],
    address STRUCT(street VARCHAR, city VARCHAR, geo STRUCT(lat DOUBLE, lon DOUBLE)),
    lines STRUCT(sku VARCHAR, quantity INTEGER)[]
);
CREATE TABLE raw.customers (customer_id INTEGER, name VARCHAR, country VARCHAR, since DATE, parent_id INTEGER);
CREATE TABLE raw.stores (store_id INTEGER, city VARCHAR, country VARCHAR, opened DATE);
CREATE TABLE raw.returns (order_id INTEGER, amount DECIMAL(18, 2), reason VARCHAR, returned_at TIMESTAMP);
CREATE TABLE raw.rates (country VARCHAR, day DATE, rate DOUBLE);
