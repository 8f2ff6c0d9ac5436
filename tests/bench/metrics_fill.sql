-- People who buy and do things, spread over two years: of each customer three orders, and ten events.

INSERT INTO customers_product (
  store_id, source, external_id, told_at, created_at, changed_at, title, category, is_box)
SELECT %(store)s, 'shopify', n, now(), now(), now(), 'Product ' || n, (ARRAY['coffee', 'tea', 'cups'])[1 + n %%
  3], n %% 10 = 0
FROM generate_series(1, 20) n;

INSERT INTO customers_order (
  store_id, source, external_id, told_at, created_at, changed_at, customer_id, number, kind, status, placed_at,
  currency, subtotal, discount, total, refunded, discount_codes, channel)
SELECT %(store)s, 'shopify', customer.id || ' ' || n, now(), now(), now(), customer.id, '', 'one_off', CASE WHEN n
  %% 9 = 0 THEN 'cancelled' ELSE 'paid' END, now() - ((customer.id * 7919 + n * n * 104729) %% 1000000) * interval
  '1 minute', 'USD', 20 + customer.id %% 50, customer.id %% 5, 20 + customer.id %% 47, 0, '', (ARRAY['', 'organic',
  'paid social'])[1 + customer.id %% 3]
FROM customers_customer customer, generate_series(1, 6) n
WHERE customer.store_id = %(store)s AND n <= customer.id %% 7;

INSERT INTO customers_orderline (
  store_id, order_id, position, product_id, title, quantity, price, discount, is_subscription)
SELECT %(store)s, placed.id, 1, product.id, 'X', 1 + placed.id %% 3, 10, 0, false
FROM customers_order placed JOIN customers_product product ON product.store_id = %(store)s AND product.external_id
  = (1 + placed.id %% 20)::text
WHERE placed.store_id = %(store)s;

INSERT INTO customers_subscription (
  store_id, source, external_id, told_at, created_at, changed_at, customer_id, title, status, quantity, price,
  currency, interval_unit, interval_count, started_at, cancelled_at, cancellation_reason, next_charge_on,
  product_id)
SELECT %(store)s, 'shopify', customer.id || ' ' || n, now(), now(), now(), customer.id, 'Tea', CASE WHEN
  customer.id %% 4 = 0 THEN 'cancelled' ELSE 'active' END, 1, 15 + customer.id %% 60, 'USD', 'week', 2 + customer.id
  %% 4, now() - ((customer.id * 7919 + n * n * 104729) %% 900000) * interval '1 minute', CASE WHEN customer.id %% 4
  = 0 THEN now() END, CASE WHEN customer.id %% 4 = 0 THEN 'Too much' ELSE '' END, current_date + 5, NULL
FROM customers_customer customer, generate_series(1, 1) n
WHERE customer.store_id = %(store)s AND customer.id %% 5 < 2;

INSERT INTO customers_event (
  store_id, customer_id, visitor, name, occurred_at, received_at, time_is, session_id, properties, message_key)
SELECT %(store)s, customer.id, '', (ARRAY['Logged In', 'Page Viewed', 'Feature Used', 'Email Opened', 'Page
  Viewed', 'Subscription Skipped'])[1 + (customer.id + n) %% 6], now() - ((customer.id * 7919 + n * n * 104729) %%
  400000) * interval '1 minute', now(), 0, NULL, CASE WHEN n = 1 AND customer.id %% 4 = 0 THEN '{"$campaign":
  {"source": "google", "medium": "cpc"}}'::jsonb WHEN (customer.id + n) %% 6 = 2 THEN '{"feature": "swap"}'::jsonb
  ELSE '{}'::jsonb END, md5(customer.id || ' ' || n)
FROM customers_customer customer, generate_series(1, 20) n
WHERE customer.store_id = %(store)s AND n <= 1 + customer.id %% 19;
