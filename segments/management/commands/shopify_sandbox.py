"""`manage.py shopify_sandbox`: a stand-in for Shopify on this machine."""

from __future__ import annotations

from portal.demo_outside import SHOPIFY_DOMAIN, SHOPIFY_SECRET, SHOPIFY_TOKEN
from segments.sandbox.people import CROWD, furnish_shopify
from segments.sandbox.running import SandboxCommand, groups_of
from segments.sandbox.shopify import ShopifySandbox


class Command(SandboxCommand[ShopifySandbox]):
    help = (
        "Serves a strict stand-in for Shopify on 127.0.0.1, with the demo's customers in its segments, and more "
        "customers and orders, until Ctrl-C."
    )
    port = 8086
    variable = "SHOPIFY_API_URL"
    typed = f"shop  {SHOPIFY_DOMAIN}   access token  {SHOPIFY_TOKEN}   API secret key  {SHOPIFY_SECRET}"

    def make(self, port: int, limits: bool, crowd: int) -> ShopifySandbox:
        shopify = ShopifySandbox(port=port, limits=limits)
        furnish_shopify(shopify)
        if crowd:
            shopify.segment("499000000000", CROWD, crowd)
        return shopify

    def serves(self, sandbox: ShopifySandbox) -> str:
        rows = sandbox.sold[SHOPIFY_DOMAIN].rows
        return f"{groups_of(sandbox)}, {len(rows['customers']):,} customers and {len(rows['orders']):,} orders"
