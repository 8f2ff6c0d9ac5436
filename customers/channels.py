"""Through which channel somebody came: one word for what an address, a referring site and campaign tags tell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode, urlsplit


class Channel(StrEnum):
    PAID_SOCIAL = "paid social"
    PAID_SEARCH = "paid search"
    ORGANIC = "organic"
    REFERRAL = "referral"
    EMAIL = "e-mail"
    DIRECT = "direct"
    AFFILIATE = "affiliate"
    OTHER = "other"


UNKNOWN = ""
"""Nothing is known of how somebody came; not the same as `direct`, where it is known that nobody sent them."""

_SEARCH = "google bing yahoo duckduckgo baidu yandex ecosia qwant startpage brave naver seznam"
_SOCIAL = (
    "facebook fb instagram ig tiktok pinterest snapchat twitter x linkedin reddit youtube threads whatsapp meta "
    "messenger telegram tumblr vk weibo bluesky bsky mastodon"
)
_SEARCHES, _SOCIALS = frozenset(_SEARCH.split()), frozenset(_SOCIAL.split())
_SOCIAL_HOSTS = frozenset({"t.co", "x.com", "lnkd.in", "youtu.be", "fb.me", "pin.it", "redd.it"})
_MAIL_HOSTS = re.compile(r"(?:^|\.)(?:mail\.google|mail\.yahoo|outlook\.(?:live|office)|mail\.proton|webmail)\.")
_PAID = re.compile(r"^(?:.*cp[acmv]|ppc|retargeting|remarketing|paid.*|ads?|display|banner|sponsored)$")
_MAIL = re.compile(r"^e?[-_ ]?mails?$|^newsletters?$|^flow$")
_MAILERS = frozenset({"klaviyo", "mailchimp", "omnisend", "sendgrid", "braze", "shopify_email", "newsletter", "email"})
_AFFILIATE = re.compile(r"^(?:affiliates?|partners?|influencers?|ambassadors?)$")
_UNPAID = re.compile(r"^(?:organic.*|seo|social.*|sm|social[-_ ]network)$")
_CLICKS = {
    "gclid": Channel.PAID_SEARCH, "gbraid": Channel.PAID_SEARCH, "wbraid": Channel.PAID_SEARCH,
    "msclkid": Channel.PAID_SEARCH, "fbclid": "", "ttclid": Channel.PAID_SOCIAL, "twclid": Channel.PAID_SOCIAL,
    "li_fat_id": Channel.PAID_SOCIAL, "epik": Channel.PAID_SOCIAL, "sccid": Channel.PAID_SOCIAL,
    "rdt_cid": Channel.PAID_SOCIAL, "irclickid": Channel.AFFILIATE, "awc": Channel.AFFILIATE,
    "_kx": Channel.EMAIL, "mc_eid": Channel.EMAIL,
}  # fmt: skip
"""What advertisers add to an address. Facebook adds its own to every link, paid or not: it tells of the site alone."""
_NAMES_OF_CLICKS = {name.strip("_"): name for name in _CLICKS}
_LANDINGS = ("landing_site", "landing_page", "landing_page_url", "landing_url")
_REFERRERS = ("referring_site", "referrer", "referrer_url", "referring_url")
_CAMPAIGN = ("utm_source", "utm_medium", "utm_campaign")
_NOTHING = frozenset({"", "null", "undefined", "nan", "(not set)"})
"""What scripts write where they know nothing."""


def channel_of(landing: str = "", referrer: str = "", *, source: str = "", medium: str = "") -> str:
    """The channel, or UNKNOWN where nothing at all was told.

    `landing` is the address that was opened first, whose campaign tags and click ids count; `referrer` the
    one that led there; `source` and `medium` are campaign tags told apart from an address, and count before its own.
    Each may be empty, and may be anything at all: nothing here raises.
    """
    tags = _tags(landing)
    source = _word(source) or _word(tags.get("utm_source", ""))
    medium = _word(medium) or _word(tags.get("utm_medium", ""))
    clicked = [_CLICKS[name] for name in tags if _CLICKS.get(name)]
    site, own = _host(referrer), _host(landing)
    if found := _by_tags(source, medium):
        return found
    if clicked:
        return str(clicked[0])
    if site and _site(site) != _site(own):
        return _by_site(site)
    if source or medium or tags.get("utm_campaign"):
        return Channel.OTHER
    if "fbclid" in tags:
        return Channel.ORGANIC
    return Channel.DIRECT if landing.strip() else UNKNOWN


def channel_of_order(attributes: Iterable[tuple[str, str]], landing: str = "", referrer: str = "") -> str:
    """The channel of an order with which the shop noted `attributes`, by name: campaign tags and click ids as its pages
    found them, and where the visit began. As `channel_of`, nothing here raises.

    Where it began is what the order says itself, `landing` and `referrer`, and only where it is silent what was noted;
    but a source or medium that was noted counts instead of all tags of that address: two campaigns make no third.
    """
    noted: dict[str, str] = {}
    for name, value in attributes:
        if value.strip().lower() not in _NOTHING:
            noted.setdefault(re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_"), value)
    landing = landing or _first(noted, _LANDINGS)
    known = dict.fromkeys(_CAMPAIGN) | _NAMES_OF_CLICKS
    tags = {known[name] or name: value for name, value in noted.items() if name in known}
    if tags:
        begun, _, query = (landing if _can_be_read(landing) else "").partition("#")[0].partition("?")
        own = urlencode(tags, errors="replace")
        parts = [own] if {"utm_source", "utm_medium"} & set(tags) else [own, query]
        landing = f"{begun}?{'&'.join(filter(None, parts))}"
    return channel_of(landing, referrer or _first(noted, _REFERRERS))


def _can_be_read(address: str) -> bool:
    try:
        urlsplit(address)
    except ValueError:
        return False
    return True


def _first(noted: dict[str, str], names: Iterable[str]) -> str:
    return next((noted[name] for name in names if name in noted), "")


def _by_tags(source: str, medium: str) -> str:
    """What campaign tags say; '' where they say nothing known."""
    name = source.removeprefix("www.").partition(".")[0]
    is_known = name in _SEARCHES or name in _SOCIALS
    if _AFFILIATE.match(medium) or _AFFILIATE.match(source):
        return Channel.AFFILIATE
    if _PAID.match(medium):
        return _paid(name, medium)
    if _MAIL.match(medium) or source in _MAILERS:
        return Channel.EMAIL
    if _UNPAID.match(medium) or (is_known and medium in ("", "referral", "link")):
        return Channel.ORGANIC
    if medium in ("referral", "link"):
        return Channel.REFERRAL
    return Channel.DIRECT if source in ("direct", "(direct)") and medium in ("", "none", "(none)") else ""


def _paid(name: str, medium: str) -> str:
    if name in _SEARCHES or "search" in medium:
        return Channel.PAID_SEARCH
    return Channel.PAID_SOCIAL if name in _SOCIALS or "social" in medium else Channel.OTHER


def _by_site(host: str) -> str:
    if _MAIL_HOSTS.search(host):
        return Channel.EMAIL
    names = set(host.split(".")[:-1])
    return Channel.ORGANIC if host in _SOCIAL_HOSTS or names & (_SEARCHES | _SOCIALS - {"x"}) else Channel.REFERRAL


def _word(text: str) -> str:
    return text.strip().lower()[:200] if isinstance(text, str) else ""


def _tags(address: str) -> dict[str, str]:
    try:
        query = urlsplit(address.strip()[:4_000]).query
        return {name.lower(): value for name, value in parse_qsl(query, keep_blank_values=True, max_num_fields=200)}
    except ValueError:
        return {}


def _host(address: str) -> str:
    address = address.strip()[:4_000]
    try:
        return (urlsplit(address if "://" in address else f"//{address}").hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _site(host: str) -> str:
    """What two hosts of one owner have in common, as far as can be told without a list of endings."""
    return ".".join(host.split(".")[-2:])
