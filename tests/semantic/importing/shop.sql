-- An online shop: shoppers order products; every row follows from its number, so that figures are the same every time.
CREATE SCHEMA shop;

CREATE TABLE shop.shoppers AS
SELECT
    CAST(n AS INTEGER) AS shopper_id,
    ['Ada', 'Ben', 'Cleo', 'Dan', 'Eve', 'Finn', 'Gwen', 'Hugo'][1 + n % 8] || ' '
    || ['Abbott', 'Birch', 'Cole', 'Dale', 'Ellis', 'Frost', 'Grant'][1 + n % 7] AS full_name,
    ['Germany', 'France', 'Spain', 'Italy', 'Poland'][1 + (n * 7) % 5] AS country,
    ['gold', 'silver', 'bronze'][1 + (n * 5) % 3] AS loyalty_tier,
    CAST(1950 + (n * 13) % 55 AS INTEGER) AS birth_year,
    DATE '2022-01-05' + CAST((n * 17) % 700 AS INTEGER) AS signed_up_on,
    n % 3 <> 0 AS newsletter
FROM range(1, 91) AS r (n);

CREATE TABLE shop.products AS
SELECT
    CAST(n AS INTEGER) AS product_id,
    ['Kettle', 'Toaster', 'Lamp', 'Desk', 'Tent', 'Stove', 'Rucksack', 'Novel'][1 + n % 8] || ' ' || n AS product_name,
    ['Kitchen', 'Kitchen', 'Home', 'Home', 'Outdoor', 'Outdoor', 'Outdoor', 'Books'][1 + n % 8] AS category,
    ['Alba', 'Borea', 'Corvo'][1 + n % 3] AS brand,
    CAST(5 + (n * 37) % 190 + 0.5 AS DECIMAL(10, 2)) AS list_price
FROM range(1, 25) AS r (n);

CREATE TABLE shop.orders AS
SELECT
    CAST(1000 + n AS INTEGER) AS order_id,
    CAST(1 + (n * n + 3 * n) % 80 AS INTEGER) AS shopper_id,
    DATE '2023-01-02' + CAST((n * 11) % 720 AS INTEGER) AS ordered_on,
    ['completed', 'completed', 'completed', 'returned', 'pending'][1 + (n * 3) % 5] AS status,
    ['web', 'app', 'store'][1 + (n * 7) % 3] AS channel,
    CAST((n % 4) * 2.45 AS DECIMAL(10, 2)) AS shipping_fee
FROM range(1, 501) AS r (n);

CREATE TABLE shop.order_items AS
SELECT
    o.order_id,
    CAST(line AS INTEGER) AS line_no,
    CAST(1 + (o.order_id * 5 + line * 7) % 24 AS INTEGER) AS product_id,
    CAST(1 + (o.order_id + line) % 4 AS INTEGER) AS quantity,
    p.list_price AS unit_price,
    CAST((o.order_id % 3) * 0.05 AS DOUBLE) AS discount,
    CAST(o.ordered_on + 2 AS TIMESTAMP) + INTERVAL 9 HOUR AS shipped_on
FROM shop.orders AS o, range(1, 4) AS r (line)
INNER JOIN shop.products AS p ON p.product_id = 1 + (o.order_id * 5 + line * 7) % 24
WHERE line <= 1 + o.order_id % 3;
