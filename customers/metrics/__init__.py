"""What is measured of each customer: a registry of metrics, one file for each group of them, and what keeps them true.

How time comes in, said here once. A metric is one of two sorts:

- What is stored is a function of the data and of the store's own day, never of the hour: "in 7 days" is today and the
  six days before it, and predictions reckon in whole days. So whoever reckons anew on the same day comes to the same.
  Customers of whom something changed are reckoned anew within seconds; all of them are after each midnight of the
  store (`MetricsState.full_on` is the day as of which all stand).
- What grows by itself with every day (tenure, days since the last order) is not stored: it is read off an instant that
  is (`Metric.since`), and is exact whenever it is asked. A filter on it is a filter on that instant's column, and
  `reading.days_ago` makes the one of the other; so a million rows need not be written because a day went by.
"""
