"""The systems that sell for a store, Shopify and Recharge: what they tell by webhook, and what is read from them."""
