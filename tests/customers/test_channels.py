"""Through which channel somebody came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.channels import UNKNOWN, Channel, channel_of, channel_of_order

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
        (f"{SHOP}?utm_campaign=spring", "", "", "", Channel.OTHER),
        (f"{SHOP}?utm_campaign=spring", "https://www.google.com/", "", "", Channel.ORGANIC),
        (f"{SHOP}?utm_source=facebook&utm_medium=cpc", "", "google", "organic", Channel.ORGANIC),
        ("http://[broken", "http://[broken", "", "", Channel.DIRECT),
    ],
)  # fmt: skip
def test_channels(landing: str, referrer: str, source: str, medium: str, channel: str) -> None:
    assert channel_of(landing, referrer, source=source, medium=medium) == channel


@given(st.text(), st.text(), st.text(), st.text())
def test_any_text_has_a_channel(landing: str, referrer: str, source: str, medium: str) -> None:
    assert channel_of(landing, referrer, source=source, medium=medium) in {*Channel, UNKNOWN}


@pytest.mark.parametrize(
    ("noted", "landing", "referrer", "channel"),
    [
        ({}, "", "", UNKNOWN),
        ({"gift": "yes", "utm_source": "", "utm_medium": "undefined"}, "", "", UNKNOWN),
        ({"utm_source": "facebook", "utm_medium": "cpc"}, "", "", Channel.PAID_SOCIAL),
        ({"UTM Source": "Google", "_utm-medium": "CPC"}, "", "", Channel.PAID_SEARCH),
        ({"utm_campaign": "spring"}, "", "", Channel.OTHER),
        ({"utm_campaign": "spring"}, f"{SHOP}?utm_source=ig&utm_medium=paid#top", "", Channel.PAID_SOCIAL),
        ({"utm_source": "instagram"}, f"{SHOP}?utm_source=klaviyo&utm_medium=email", "", Channel.ORGANIC),
        ({"utm_medium": "affiliate"}, f"{SHOP}?gclid=1", "https://www.google.com/", Channel.AFFILIATE),
        ({"gclid": "abc"}, SHOP, "https://www.google.com/", Channel.PAID_SEARCH),
        ({"_kx": "abc"}, "", "", Channel.EMAIL),
        ({"fbclid": "abc"}, "", "", Channel.ORGANIC),
        ({"landing_site": "/?utm_source=tiktok&utm_medium=paid"}, "", "", Channel.PAID_SOCIAL),
        ({"landing_site": "/?utm_source=tiktok&utm_medium=paid"}, SHOP, "", Channel.DIRECT),
        ({"landing page": SHOP, "referring_site": "https://blog.example.com/"}, "", "", Channel.REFERRAL),
        ({"referrer": "https://blog.example.com/"}, SHOP, "https://www.bing.com/", Channel.ORGANIC),
        ({"utm_source": "\ud800", "utm_medium": "x"}, "http://[broken", "http://[broken", Channel.OTHER),
    ],
)  # fmt: skip
def test_what_a_shop_noted_with_an_order_tells(
    noted: dict[str, str], landing: str, referrer: str, channel: str
) -> None:
    assert channel_of_order(noted.items(), landing, referrer) == channel


@given(st.lists(st.tuples(st.text() | st.sampled_from(["utm_source", "gclid", "landing_site"]), st.text())), st.text())
def test_whatever_was_noted_has_a_channel(noted: list[tuple[str, str]], landing: str) -> None:
    assert channel_of_order(noted, landing) in {*Channel, UNKNOWN}
