-- A small gold schema with the traps in it: guests, declined rows, null countries, customers without transactions,
-- products and merchants with many rows, ties, quotes and letters beyond ASCII.
CREATE SCHEMA gold;

CREATE TABLE gold.dim_merchant_category AS
SELECT * FROM (VALUES
  (1, 'groceries', 'Groceries', 'Essentials', false, false, true),
  (2, 'airlines', 'Airlines', 'Travel', true, true, false),
  (3, 'restaurants', 'Café & Bar''s', 'Leisure', true, false, false),
  (4, 'unused', 'Unused', 'Leisure', true, false, false)
) AS t(category_key, category_id, category_name, category_group, is_discretionary, is_travel, is_necessity);

CREATE TABLE gold.dim_product AS
SELECT
  key::UBIGINT AS product_key, id AS product_id, name AS product_name, category, type, NULL::VARCHAR AS attributes,
  DATE '2023-01-01' AS launch_date, NULL::DATE AS end_date
FROM (VALUES
  (18446744073709551615, 'P1', 'Teapot "Blue"', 'Kitchen', 'good'),
  (2, 'P2', 'O''Brien''s mug', 'Kitchen', 'good'),
  (3, 'P3', 'Delivery', NULL, 'service'),
  (4, 'P4', 'Never sold', 'Kitchen', 'good')
) AS t(key, id, name, category, type);

CREATE TABLE gold.dim_date AS
SELECT
  strftime(day, '%Y%m%d')::INTEGER AS date_key, day::DATE AS calendar_date, year(day)::INTEGER AS year,
  quarter(day)::INTEGER AS quarter, month(day)::INTEGER AS month, week(day)::INTEGER AS week,
  isodow(day)::INTEGER AS day_of_week, day(day)::INTEGER AS day_of_month, isodow(day) > 5 AS is_weekend,
  month(day) = 12 AND day(day) = 25 AS is_holiday,
  CASE WHEN month(day) = 12 AND day(day) = 25 THEN 'Christmas' END AS holiday_name,
  year(day)::INTEGER AS fiscal_year, quarter(day)::INTEGER AS fiscal_quarter, month(day)::INTEGER AS fiscal_period
FROM generate_series(TIMESTAMP '2023-12-01', TIMESTAMP '2024-06-30', INTERVAL 1 DAY) AS t(day);

CREATE TABLE gold.people AS
SELECT * FROM (VALUES
  ('C1', 'Ann Lee', 'France', 'CA', 'Premium', 34, 5000.00, 'Active'),
  ('C2', 'Bob O''Hara', 'France', 'CA', 'Standard', 51, 1000.00, 'Active'),
  ('C3', 'Zoë Müller', 'Germany', NULL, 'Premium', 28, 2500.50, 'At Risk'),
  ('C4', '日本 太郎', NULL, 'TX', 'Standard', NULL, NULL, 'Inactive'),
  ('C5', 'No Purchases', 'Spain', 'TX', 'Premium', 40, 2500.50, 'Inactive'),
  ('C6', '100% "quoted"; drop table x', NULL, NULL, NULL, 40, 0.00, 'Recent'),
  ('C7', 'Only Declined', 'Italy', 'NY', 'Standard', 61, 900.00, 'Active'),
  ('C8', 'ann lee', 'France', 'NY', 'Premium', 34, 5000.00, 'Recent')
) AS t(customer_id, full_name, country, state, card_type, age, credit_limit, recency_status);

CREATE TABLE gold.written AS
SELECT * FROM (VALUES
  ('C1', 1, 'Online', 'approved', '2024-01-01', 100.0, 'O1', 1, 'purchase'),
  ('C1', 1, 'Online', 'approved', '2024-01-07', 50.5, 'O1', 2, 'purchase'),
  ('C1', 2, 'In-Store', 'approved', '2024-02-01', 900.25, 'O2', 1, 'purchase'),
  ('C1', 2, 'Online', 'declined', '2024-02-02', 77.0, 'O3', 1, 'purchase'),
  ('C1', 1, 'In-Store', 'approved', '2024-02-03', -50.5, 'O4', -2, 'return'),
  ('C2', 3, 'In-Store', 'approved', '2024-01-08', 20.0, 'O5', 1, 'purchase'),
  ('C2', 3, NULL, 'approved', '2024-03-31', 20.0, 'O6', 1, 'purchase'),
  ('C3', 2, 'Online', 'approved', '2024-01-01', 300.0, 'O7', 3, 'purchase'),
  ('C3', NULL, 'Mobile', 'approved', '2024-04-01', 12.3456, 'O8', NULL, 'fee'),
  ('C4', 1, 'Online', 'approved', '2023-12-31', 10.0, 'O9', 1, 'purchase'),
  ('C6', 1, 'Mobile', 'approved', '2024-05-05', 0.0001, 'O10', 1, 'adjustment'),
  ('C7', 2, 'Online', 'declined', '2024-01-15', 40.0, 'O11', 1, 'purchase'),
  ('C7', 3, 'Online', 'declined', '2024-01-16', 41.0, 'O12', 1, 'purchase'),
  ('C8', 1, 'In-Store', 'approved', '2024-06-01', 100.0, 'O13', 1, 'purchase'),
  (NULL, 1, 'Online', 'approved', '2024-01-01', 1000.0, 'G1', 4, 'purchase'),
  (NULL, 2, 'Online', 'declined', '2024-01-02', 500.0, 'G2', 1, 'purchase'),
  (NULL, 3, 'In-Store', 'approved', '2024-02-29', 7.75, 'G3', 1, 'purchase')
) AS t(customer_id, category_key, channel, status, day, amount, order_id, quantity, transaction_type)
UNION ALL
SELECT
  CASE n % 7 WHEN 0 THEN NULL WHEN 6 THEN 'C8' ELSE 'C' || (n % 7) END, n % 3 + 1, ['Online', 'In-Store', 'Mobile'][n * n % 3 + 1],
  CASE WHEN n % 11 = 0 THEN 'declined' ELSE 'approved' END, strftime(DATE '2024-01-01' + CAST(n * 5 % 170 AS INTEGER), '%Y-%m-%d'),
  (n * 37 % 1000) / 8, 'N' || (n // 3), n % 4, 'purchase'
FROM range(1, 201) AS t(n)
WHERE n % 7 <> 5;

CREATE TABLE gold.fct_transactions AS
SELECT
  (10000000000000000000 + number)::UBIGINT AS transaction_key, 'T' || number AS transaction_id,
  CASE WHEN customer_id IS NOT NULL THEN number::UBIGINT END AS customer_key, customer_id,
  CASE WHEN number % 5 = 0 THEN NULL WHEN number % 3 = 0 THEN 3 WHEN number % 2 = 0 THEN 2 ELSE 18446744073709551615 END::UBIGINT AS product_key,
  category_key::INTEGER AS merchant_category_key, strftime(day::DATE, '%Y%m%d')::INTEGER AS date_key,
  day::DATE AS transaction_date,
  CASE WHEN number % 4 > 0 THEN day::TIMESTAMP + CAST(number % 24 AS INTEGER) * INTERVAL 1 HOUR END AS transaction_at,
  CASE WHEN status = 'approved' THEN amount END::DECIMAL(18, 4) AS transaction_amount,
  amount::DECIMAL(18, 4) AS attempted_amount, 1::INTEGER AS transaction_count,
  'Merchant ' || number % 6 AS merchant_name, channel, status, order_id,
  'P' || number % 3 + 1 AS product_id, quantity::INTEGER AS quantity, 9.99::DECIMAL(18, 4) AS unit_price,
  transaction_type, 'EUR' AS currency, 'test' AS source_system
FROM (SELECT *, row_number() OVER (ORDER BY day, order_id, amount) AS number FROM gold.written);

CREATE TABLE gold.customer_360_profile AS
SELECT
  p.customer_id, p.full_name, split_part(p.full_name, ' ', 1) AS first_name, split_part(p.full_name, ' ', 2) AS last_name,
  lower(p.customer_id) || '@example.com' AS email, 'example.com' AS email_domain, lower(p.full_name) AS search_text,
  p.age::INTEGER AS age, p.country, NULL::VARCHAR AS region, p.state, NULL::VARCHAR AS city,
  NULL::VARCHAR AS employment_status, 'Individual' AS customer_type, p.card_type,
  p.credit_limit::DECIMAL(12, 2) AS credit_limit, DATE '2020-02-29' AS account_open_date,
  NULL::VARCHAR AS market_segment, NULL::VARCHAR AS customer_tier, NULL::VARCHAR AS engagement_level,
  NULL::VARCHAR AS activity_status, NULL::VARCHAR AS acquisition_channel, NULL::BIGINT AS open_cart_count,
  NULL::DECIMAL(38, 4) AS open_cart_value, NULL::VARCHAR AS simulated_fields, false AS is_simulated, 'Grocery' AS preferred_category,
  'Balanced' AS spending_profile, 'Not Scored' AS churn_risk_category, p.age > 40 AS eligible_for_retention,
  NULL::BOOLEAN AS eligible_for_upgrade, false AS eligible_for_travel_offer, 3::INTEGER AS recency_score,
  4::INTEGER AS frequency_score, 5::INTEGER AS monetary_score, 90::INTEGER AS data_quality_score,
  DATE '2024-06-30' AS segment_assigned_date, 2::BIGINT AS product_count, NULL::DOUBLE AS churn_probability,
  NULL::INTEGER AS churn_risk_score, 'No model yet' AS churn_not_scored_reason, NULL::DOUBLE AS probability_alive,
  NULL::DECIMAL(38, 4) AS expected_spend_next_12_months, NULL::DECIMAL(38, 4) AS expected_spend_next_12_months_low,
  NULL::DECIMAL(38, 4) AS expected_spend_next_12_months_high, NULL::DECIMAL(38, 4) AS expected_margin_next_12_months,
  NULL::DECIMAL(38, 4) AS expected_margin_next_12_months_low, NULL::DECIMAL(38, 4) AS expected_margin_next_12_months_high,
  'Stable Mid-Spenders' AS customer_segment, 50::INTEGER AS tenure_months, min(f.transaction_date) AS first_transaction_date,
  max(f.transaction_date) AS last_transaction_date,
  (DATE '2024-06-30' - max(f.transaction_date))::INTEGER AS days_since_last_transaction, p.recency_status,
  coalesce(sum(f.transaction_amount), 0)::DECIMAL(38, 4) AS lifetime_value, count(f.transaction_id) AS total_transactions,
  count(*) FILTER (f.status = 'declined') AS declined_transactions, avg(f.transaction_amount)::DECIMAL(38, 4) AS avg_transaction_value,
  (coalesce(sum(f.transaction_amount), 0) / 6)::DECIMAL(38, 4) AS avg_monthly_spend,
  coalesce(sum(f.transaction_amount) FILTER (f.transaction_date > DATE '2024-04-01'), 0)::DECIMAL(38, 4) AS spend_last_90_days,
  coalesce(sum(f.transaction_amount) FILTER (f.transaction_date <= DATE '2024-04-01'), 0)::DECIMAL(38, 4) AS spend_prior_90_days,
  12.5::DOUBLE AS spend_change_pct, count(*) FILTER (f.transaction_date > DATE '2024-04-01') AS transactions_last_90_days,
  33.3::DOUBLE AS travel_spend_pct, NULL::DOUBLE AS necessities_spend_pct, 1.5::DOUBLE AS credit_utilization_pct,
  count(DISTINCT f.order_id) AS order_count, NULL::DECIMAL(38, 4) AS avg_order_value
FROM gold.people AS p LEFT JOIN gold.fct_transactions AS f USING (customer_id)
GROUP BY ALL;

CREATE TABLE gold.customer_segments AS
SELECT
  customer_id, customer_segment, DATE '2024-06-30' AS segment_assigned_date,
  date_diff('month', account_open_date, DATE '2024-06-30')::INTEGER AS tenure_months
FROM gold.customer_360_profile;

CREATE TABLE gold.monthly_customer_spending AS
SELECT
  customer_id, date_trunc('month', transaction_date)::DATE AS month,
  coalesce(sum(transaction_amount), 0)::DECIMAL(38, 4) AS spend, count(*) AS transactions,
  count(*) FILTER (status = 'declined') AS declines
FROM gold.fct_transactions WHERE customer_id IS NOT NULL GROUP BY ALL;

CREATE TABLE gold.dim_customer AS
SELECT
  (row_number() OVER (ORDER BY customer_id, number))::UBIGINT AS customer_key, customer_id, full_name, country, state,
  NULL::VARCHAR AS city, NULL::VARCHAR AS employment_status,
  CASE WHEN number = 1 THEN card_type ELSE 'Premium' END AS card_type, credit_limit::DECIMAL(12, 2) AS credit_limit,
  TIMESTAMP '2020-01-01' + CAST(number AS INTEGER) * INTERVAL 1 YEAR AS valid_from,
  CASE WHEN number = 1 THEN TIMESTAMP '2022-01-01' END AS valid_to, number::INTEGER AS version_number, number = 2 AS is_current
FROM gold.people CROSS JOIN (VALUES (1), (2)) AS v(number);

CREATE TABLE gold.customer_xref AS
SELECT customer_id, 'test' AS source_system, customer_id AS source_customer_id, 'own_id' AS match_rule, 1.0::DOUBLE AS confidence
FROM gold.people;

DROP TABLE gold.people;

DROP TABLE gold.written;

CREATE TABLE gold.fct_customer_products AS
SELECT
  (row_number() OVER (ORDER BY customer_id, product_id))::UBIGINT AS holding_key, customer_id, product_key, product_id,
  product_name, category AS product_category, type AS product_type, 'owner' AS relationship_type,
  DATE '2023-01-01' + number::INTEGER AS start_date,
  CASE WHEN number % 3 = 0 THEN DATE '2024-01-01' END AS end_date, 10.5 * number AS balance, number % 3 <> 0 AS is_active
FROM (SELECT customer_id, row_number() OVER (ORDER BY customer_id) AS number FROM gold.customer_360_profile) AS c
INNER JOIN gold.dim_product ON number % 2 = product_key % 2;

CREATE TABLE gold.churn_insights AS
SELECT
  customer_id, number::INTEGER AS rank, 'recency_status' AS feature, (2 - number) * 0.25::DOUBLE AS contribution,
  'reason ' || number AS text
FROM gold.customer_360_profile CROSS JOIN (VALUES (1), (2), (3)) AS reasons(number);

CREATE TABLE gold.transactions_by_day AS
SELECT
  date_key, transaction_date, merchant_category_key, channel, status, transaction_type, currency, source_system,
  count(*) AS row_count, sum(transaction_amount) AS transaction_amount_sum, count(transaction_amount) AS transaction_amount_count,
  min(transaction_amount) AS transaction_amount_min, max(transaction_amount) AS transaction_amount_max,
  sum(attempted_amount) AS attempted_amount_sum, sum(quantity)::BIGINT AS quantity_sum
FROM gold.fct_transactions GROUP BY ALL;

CREATE TABLE gold.transactions_by_amount AS
SELECT
  transaction_amount, channel, status, transaction_type, count(*) AS row_count, sum(transaction_amount) AS transaction_amount_sum,
  count(transaction_amount) AS transaction_amount_count, min(transaction_amount) AS transaction_amount_min,
  max(transaction_amount) AS transaction_amount_max, sum(attempted_amount) AS attempted_amount_sum,
  sum(quantity)::BIGINT AS quantity_sum
FROM gold.fct_transactions GROUP BY ALL;

CREATE TABLE gold.transactions_by_customer AS
SELECT
  customer_id, status, transaction_type, count(*) AS row_count, sum(transaction_amount) AS transaction_amount_sum,
  count(transaction_amount) AS transaction_amount_count, min(transaction_amount) AS transaction_amount_min,
  max(transaction_amount) AS transaction_amount_max, sum(attempted_amount) AS attempted_amount_sum,
  sum(quantity)::BIGINT AS quantity_sum
FROM gold.fct_transactions GROUP BY ALL;

CREATE TABLE gold.transactions_by_merchant AS
SELECT
  merchant_category_key, merchant_name, date_trunc('month', transaction_date)::DATE AS transaction_month, channel, status,
  transaction_type, count(*) AS row_count, sum(transaction_amount) AS transaction_amount_sum,
  count(transaction_amount) AS transaction_amount_count, min(transaction_amount) AS transaction_amount_min,
  max(transaction_amount) AS transaction_amount_max, sum(attempted_amount) AS attempted_amount_sum,
  sum(quantity)::BIGINT AS quantity_sum
FROM gold.fct_transactions GROUP BY ALL;

CREATE TABLE gold.transactions_by_customer_category AS
SELECT
  merchant_category_key, customer_id, channel, status, transaction_type, count(*) AS row_count,
  sum(transaction_amount) AS transaction_amount_sum, count(transaction_amount) AS transaction_amount_count,
  min(transaction_amount) AS transaction_amount_min, max(transaction_amount) AS transaction_amount_max,
  sum(attempted_amount) AS attempted_amount_sum, sum(quantity)::BIGINT AS quantity_sum
FROM gold.fct_transactions GROUP BY ALL;

CREATE TABLE gold.transactions_by_customer_month AS
SELECT
  date_trunc('month', transaction_date)::DATE AS transaction_month, customer_id, channel, status, transaction_type,
  count(*) AS row_count, sum(transaction_amount) AS transaction_amount_sum,
  count(transaction_amount) AS transaction_amount_count, min(transaction_amount) AS transaction_amount_min,
  max(transaction_amount) AS transaction_amount_max, sum(attempted_amount) AS attempted_amount_sum,
  sum(quantity)::BIGINT AS quantity_sum
FROM gold.fct_transactions GROUP BY ALL;
