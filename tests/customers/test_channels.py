"""Through which channel somebody came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.channels import UNKNOWN, Channel, channel_of

SHOP = "https://shop.example/products/tea"


@pytest.mark.parametrize(
    ("landing", "referrer", "source", "medium", "channel"),
    [
        ("", "", "", "", UNKNOWN),
        (SHOP, "", "", "", Channel.DIRECT),
        (SHOP, "https://www.shop.example/", "", "", Channel.DIRECT),
        (SHOP, "https://account.shop.example/", "", "", Channel.DIRECT),
        (SHOP, "https://www.google.com/", "", "", Channel.ORGANIC),
        (SHOP, "https://google.co.uk/search?q=tea", "", "", Channel.ORGANIC),
        (SHOP, "https://l.facebook.com/", "", "", Channel.ORGANIC),
        (SHOP, "https://t.co/abc", "", "", Channel.ORGANIC),
        (SHOP, "https://mail.google.com/", "", "", Channel.EMAIL),
        (SHOP, "https://blog.example.com/best-teas", "", "", Channel.REFERRAL),
        ("/products/tea?utm_source=facebook&utm_medium=cpc", "", "", "", Channel.PAID_SOCIAL),
        (f"{SHOP}?utm_source=Google&utm_medium=CPC", "https://www.google.com/", "", "", Channel.PAID_SEARCH),
        (f"{SHOP}?utm_source=ig&utm_medium=paid_social", "", "", "", Channel.PAID_SOCIAL),
        (f"{SHOP}?utm_source=taboola&utm_medium=display", "", "", "", Channel.OTHER),
        (f"{SHOP}?gclid=abc", "https://www.google.com/", "", "", Channel.PAID_SEARCH),
        (f"{SHOP}?ttclid=abc", "", "", "", Channel.PAID_SOCIAL),
        (f"{SHOP}?fbclid=abc", "", "", "", Channel.ORGANIC),
        (f"{SHOP}?fbclid=abc", "https://l.facebook.com/", "", "", Channel.ORGANIC),
        (f"{SHOP}?_kx=abc", "", "", "", Channel.EMAIL),
        (f"{SHOP}?utm_source=klaviyo&utm_medium=email", "", "", "", Channel.EMAIL),
        (f"{SHOP}?utm_source=Klaviyo&utm_medium=campaign", "", "", "", Channel.EMAIL),
        ("", "", "instagram", "", Channel.ORGANIC),
        ("", "", "instagram", "social", Channel.ORGANIC),
        ("", "", "newsletter", "", Channel.EMAIL),
        ("", "", "anna", "affiliate", Channel.AFFILIATE),
        ("", "", "influencer", "", Channel.AFFILIATE),
        ("", "", "partner.example", "referral", Channel.REFERRAL),
        ("", "", "(direct)", "(none)", Channel.DIRECT),
        ("", "", "poster", "print", Channel.OTHER),
        (f"{SHOP}?utm_source=facebook&utm_medium=cpc", "", "google", "organic", Channel.ORGANIC),
        ("http://[broken", "http://[broken", "", "", Channel.DIRECT),
    ],
)  # fmt: skip
def test_channels(landing: str, referrer: str, source: str, medium: str, channel: str) -> None:
    assert channel_of(landing, referrer, source=source, medium=medium) == channel


@given(st.text(), st.text(), st.text(), st.text())
def test_any_text_has_a_channel(landing: str, referrer: str, source: str, medium: str) -> None:
    assert channel_of(landing, referrer, source=source, medium=medium) in {*Channel, UNKNOWN}
