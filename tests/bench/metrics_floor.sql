-- The bare aggregates of all customers of a store, and their upsert, by hand.
INSERT INTO floor_customers_customermetrics (
  store_id, customer_id, computed_at, customer_since, orders_count, order_days, total_spent, average_order_value,
  first_order_at, last_order_at, usual_gap_days, discount_share, price_behaviour, preferred_category,
  active_subscriptions, active_products, monthly_price, plan_tier, delivery_interval_days, assortment,
  subscribed_since, next_charge_on, skips, pauses, cancels, last_cancelled_at, last_cancellation_reason,
  last_seen_at, last_login_at, logins_7d, logins_30d, logins_90d, sessions_7d, sessions_30d, sessions_90d,
  session_minutes_7d, session_minutes_30d, session_minutes_90d, features_used_90d, emails_opened_90d,
  emails_clicked_90d, acquisition_channel, recency_score, frequency_score, monetary_score, rfm_group,
  alive_probability, expected_orders_90d, expected_order_value, expected_value_90d)
SELECT %(store)s, c.id, now(), c.signed_up_at, coalesce(o.n, 0), coalesce(o.days, 0), o.spent, o.spent / o.n, o.first,
  o.last, (o.last::date - o.first::date)::float / nullif(o.days - 1, 0), o.off / nullif(o.listed, 0), 'full_price',
  coalesce(f.category, ''), coalesce(s.n, 0), coalesce(s.products, 0), s.monthly, 'mid', s.shortest, 'single',
  s.began, s.charge, e.skips, e.pauses, coalesce(s.cancels, 0), s.cancelled, coalesce(r.reason, ''), e.seen, e.login,
  e.l7, e.l30, e.l90, w.s7, w.s30, w.s90, w.m7, w.m30, w.m90, w.features, e.opened, e.clicked,
  coalesce(nullif(c.acquisition_channel, ''), oc.channel, ec.channel, ''), 3, 3, 3, 'ACTIVE',
  0.5 + extract(second from clock_timestamp()) / 1000, 1, 20, 20
FROM customers_customer c
LEFT JOIN (SELECT customer_id, count(*) n, count(DISTINCT (placed_at AT TIME ZONE 'UTC')::date) days,
    sum(total - refunded) spent, min(placed_at) first, max(placed_at) last, sum(discount) off, sum(subtotal) listed
  FROM customers_order WHERE store_id = %(store)s AND status IN ('paid', 'partially_refunded') GROUP BY 1) o
  ON o.customer_id = c.id
LEFT JOIN (SELECT customer_id, category FROM (SELECT o.customer_id, p.category, row_number() OVER (
      PARTITION BY o.customer_id ORDER BY sum(l.quantity) DESC, max(o.placed_at) DESC) place
    FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id AND l.store_id = o.store_id
    JOIN customers_product p ON p.id = l.product_id WHERE o.store_id = %(store)s AND o.status = 'paid' GROUP BY 1, 2) x
  WHERE place = 1) f ON f.customer_id = c.id
LEFT JOIN (SELECT customer_id, count(*) FILTER (WHERE status = 'active') n, count(DISTINCT title) products,
    sum(price * quantity * 4.348214 / interval_count) FILTER (WHERE status = 'active') monthly,
    min(interval_count * 7) shortest, min(started_at) began, min(next_charge_on) charge,
    count(*) FILTER (WHERE status = 'cancelled') cancels, max(cancelled_at) cancelled
  FROM customers_subscription WHERE store_id = %(store)s GROUP BY 1) s ON s.customer_id = c.id
LEFT JOIN (SELECT DISTINCT ON (customer_id) customer_id, cancellation_reason reason FROM customers_subscription
  WHERE store_id = %(store)s AND cancellation_reason <> '' ORDER BY customer_id, cancelled_at DESC) r
  ON r.customer_id = c.id
LEFT JOIN (SELECT customer_id, max(occurred_at) FILTER (WHERE name NOT LIKE 'Email%%') seen,
    max(occurred_at) FILTER (WHERE name = 'Logged In') login, count(*) FILTER (WHERE name = 'Subscription Skipped') skips,
    count(*) FILTER (WHERE name = 'Subscription Paused') pauses,
    count(*) FILTER (WHERE name = 'Logged In' AND occurred_at > now() - interval '7 days') l7,
    count(*) FILTER (WHERE name = 'Logged In' AND occurred_at > now() - interval '30 days') l30,
    count(*) FILTER (WHERE name = 'Logged In' AND occurred_at > now() - interval '90 days') l90,
    count(*) FILTER (WHERE name = 'Email Opened' AND occurred_at > now() - interval '90 days') opened,
    count(*) FILTER (WHERE name = 'Email Clicked' AND occurred_at > now() - interval '90 days') clicked
  FROM customers_event WHERE store_id = %(store)s AND customer_id IS NOT NULL GROUP BY 1) e ON e.customer_id = c.id
LEFT JOIN (SELECT customer_id, count(*) FILTER (WHERE begins AND at > now() - interval '7 days') s7,
    count(*) FILTER (WHERE begins AND at > now() - interval '30 days') s30, count(*) FILTER (WHERE begins) s90,
    sum(extract(epoch FROM gap)) FILTER (WHERE NOT begins AND at > now() - interval '7 days') / 60 m7,
    sum(extract(epoch FROM gap)) FILTER (WHERE NOT begins AND at > now() - interval '30 days') / 60 m30,
    sum(extract(epoch FROM gap)) FILTER (WHERE NOT begins) / 60 m90, count(DISTINCT feature) features
  FROM (SELECT customer_id, at, gap, feature, coalesce(gap > interval '30 minutes', true) begins FROM (
      SELECT customer_id, occurred_at at, properties ->> 'feature' feature, occurred_at - lag(occurred_at) OVER (
        PARTITION BY customer_id ORDER BY occurred_at, id) gap FROM customers_event
      WHERE store_id = %(store)s AND customer_id IS NOT NULL AND occurred_at > now() - interval '90 days'
        AND name NOT LIKE 'Email%%') y) z GROUP BY 1) w ON w.customer_id = c.id
LEFT JOIN (SELECT DISTINCT ON (customer_id) customer_id, channel FROM customers_order
  WHERE store_id = %(store)s AND channel <> '' ORDER BY customer_id, placed_at) oc ON oc.customer_id = c.id
LEFT JOIN (SELECT DISTINCT ON (customer_id) customer_id, properties -> '$campaign' ->> 'source' channel
  FROM customers_event WHERE store_id = %(store)s AND customer_id IS NOT NULL AND properties ? '$campaign'
  ORDER BY customer_id, occurred_at) ec ON ec.customer_id = c.id
WHERE c.store_id = %(store)s AND c.erased_at IS NULL
ON CONFLICT (store_id, customer_id) DO UPDATE SET ({columns}) = ROW({given})
