"""How fast the portal is, beside the floor: what the same database needs for the bare statements.

`python -m tests.bench` builds stores of 10,000, 100,000 and 1,000,000 customers in an installation of its own
(gunicorn, Celery and PostgreSQL as real processes), does to each what staff would do, and prints the figures as a
table; they are kept as JSON too. Nothing here is a test: a figure depends on the machine, and its floor is measured in
the same run so that the ratio does not.
"""
