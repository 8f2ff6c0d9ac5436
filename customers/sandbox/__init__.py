"""Strict stand-ins for what sells, on this machine: for tests, the demo, and trying things by hand.

`bodies` what they say of people, orders and subscriptions · `recharge` its interface and webhooks · `webhooks` how they
are signed, and sent again.
"""
