"""What the customers of the demo's shops bought and did for two years: made up, and the same every time.

`catalogue` what is sold · `shopper` who buys · `buying` orders and subscriptions · `doing` events ·
`sources` through which they came · `telling` writes it
"""
