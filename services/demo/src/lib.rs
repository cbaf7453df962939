#![doc = include_str!("../README.md")]

pub mod data;
pub mod mock_api;
pub mod sources;

/// Customers that the mock API knows; ids from 1.
pub const CUSTOMERS: u32 = 250;

/// The first query: it joins the three pull sources.
pub const FIRST_QUERY: &str = "\
SELECT c.country,
       count(DISTINCT c.id)                AS customers,
       count(DISTINCT o.order_id)          AS orders,
       round(sum(f.amount), 2)             AS booked
FROM customers_api c
JOIN orders_parquet o ON o.customer_id = c.id
JOIN finance_csv f    ON f.order_id = o.order_id
GROUP BY c.country
ORDER BY booked DESC";
