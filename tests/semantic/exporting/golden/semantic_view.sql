CREATE OR REPLACE SEMANTIC VIEW small_model
TABLES (
    customers AS CUSTOMER_ANALYTICS.GOLD.CUSTOMERS PRIMARY KEY (customer_id) UNIQUE (email)
        WITH SYNONYMS = ('clients', 'buyer''s list')
        COMMENT = 'One row per customer: ''x''); drop table customers; --',
    orders AS CUSTOMER_ANALYTICS.GOLD.ORDERS PRIMARY KEY (order_key)
        COMMENT = 'One row per order.'
)
RELATIONSHIPS (
    orders_to_customers AS orders (customer_id) REFERENCES customers (customer_id)
)
FACTS (
    customers.credit_limit AS credit_limit
        COMMENT = 'Limit.'
        SAMPLE_VALUES ('1000'),
    orders.order_amount AS amount
        COMMENT = 'Amount.'
)
DIMENSIONS (
    customers.customer_id AS customer_id
        COMMENT = 'Identifier.',
    customers.tier AS UPPER(tier)
        WITH SYNONYMS = ('level')
        COMMENT = 'Tier: gold or not'
        SAMPLE_VALUES ('Gold', 'It''s \\ silver', 'yes')
        IS_ENUM,
    customers.is_open LABELS = (FILTER) AS closed_at IS NULL
        COMMENT = 'Not closed.',
    orders.order_key AS CAST(order_key AS VARCHAR)
        COMMENT = 'Key.',
    orders.status AS status
        COMMENT = 'Status.',
    customers.opened_at LABELS = (FILTER) AS opened_at
        COMMENT = 'When it began.'
)
METRICS (
    customers.customer_count AS COUNT(*)
        WITH SYNONYMS = ('number of customers')
        COMMENT = 'How many.',
    customers.row_count AS COUNT(*)
        COMMENT = 'Rows.',
    customers.mean_limit AS AVG(credit_limit)
        COMMENT = 'Mean limit.',
    customers.gold_count AS COUNT(CASE WHEN tier = 'gold' THEN 1 END)
        COMMENT = 'Gold ones.',
    customers.newest_day AS MAX(opened_at::DATE)
        COMMENT = 'Newest day.',
    orders.row_count AS COUNT(*)
        COMMENT = 'Rows.',
    orders.total_amount AS SUM(CASE WHEN status = 'approved' THEN amount END)
        WITH SYNONYMS = ('revenue')
        COMMENT = 'Approved amount.',
    orders.buyer_count AS COUNT(DISTINCT customer_id)
        COMMENT = 'Buyers.',
    amount_per_customer AS orders.total_amount / NULLIF(customers.customer_count, 0)
        WITH SYNONYMS = ('average amount')
        COMMENT = 'Amount by customers.',
    buyer_rate AS 100 * orders.buyer_count / NULLIF(customers.customer_count, 0)
        COMMENT = 'Share of customers who bought.'
)
COMMENT = 'It''s a "small" model: 100 % of it\\is hostile; $$ -- and /* so on */
Second line, it''s ''''quoted''''.'
AI_SQL_GENERATION 'Amounts are in euros.

Never join twice.'
AI_QUESTION_CATEGORIZATION 'Reject questions about salaries; it''s private.'
AI_VERIFIED_QUERIES (
    "how many customers" AS ( QUESTION 'How many customers are there?' VERIFIED_AT 1714497970 ONBOARDING_QUESTION TRUE VERIFIED_BY '(STEWARD = Jane O''Hara)' SQL 'SELECT COUNT(*) AS customer_count FROM customers' )
)
COPY GRANTS;
