"""Where the customers live, and telephone numbers from the ranges that are set aside for fiction.

Those ranges are 555-0100 to 555-0199 in North America, and the ones that Ofcom (United Kingdom), the
Bundesnetzagentur (Germany), ACMA (Australia), ComReg (Ireland) and PTS (Sweden) publish for film and radio.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Place:
    city: str
    region: str
    """Code of the state or province, where addresses have one."""
    country: str
    dialling: str
    """The number up to its last digits; a # stands for a digit that is drawn."""


def _north_america(country: str, listed: str) -> list[Place]:
    rows = (line.split("|") for line in listed.strip().splitlines())
    return [Place(city, region, country, f"+1 {area} 555 01##") for city, region, area in rows]


_AMERICAN = _north_america(
    "US",
    """
Portland|OR|503
Eugene|OR|541
Bend|OR|458
Seattle|WA|206
Tacoma|WA|253
Spokane|WA|509
San Francisco|CA|415
Oakland|CA|510
Sacramento|CA|916
Los Angeles|CA|213
San Diego|CA|619
Boise|ID|208
Denver|CO|303
Boulder|CO|720
Salt Lake City|UT|801
Phoenix|AZ|602
Santa Fe|NM|505
Austin|TX|512
Houston|TX|713
Minneapolis|MN|612
Chicago|IL|312
Madison|WI|608
Detroit|MI|313
Nashville|TN|615
Atlanta|GA|404
Asheville|NC|828
Richmond|VA|804
Philadelphia|PA|215
Brooklyn|NY|718
New York|NY|212
Providence|RI|401
Boston|MA|617
Portland|ME|207
Burlington|VT|802
Honolulu|HI|808
Anchorage|AK|907
""",
)
_CANADIAN = _north_america(
    "CA",
    """
Vancouver|BC|604
Victoria|BC|250
Calgary|AB|403
Winnipeg|MB|204
Toronto|ON|416
Ottawa|ON|613
Montréal|QC|514
Halifax|NS|902
""",
)
_BRITISH = [
    Place("London", "", "GB", "+44 20 7946 0###"),
    Place("Manchester", "", "GB", "+44 161 496 0###"),
    Place("Bristol", "", "GB", "+44 117 496 0###"),
    Place("Leeds", "", "GB", "+44 113 496 0###"),
    Place("Edinburgh", "", "GB", "+44 131 496 0###"),
    Place("Cardiff", "", "GB", "+44 29 2018 0###"),
    Place("Brighton", "", "GB", "+44 7700 900###"),
    Place("Norwich", "", "GB", "+44 7700 900###"),
]
_ELSEWHERE = [
    Place("Berlin", "", "DE", "+49 30 23125 ###"),
    Place("Hamburg", "", "DE", "+49 40 66969 ###"),
    Place("München", "", "DE", "+49 89 99998 ###"),
    Place("Köln", "", "DE", "+49 221 4710 ###"),
    Place("Dublin", "", "IE", "+353 20 914 ####"),
    Place("Sydney", "NSW", "AU", "+61 2 5550 ####"),
    Place("Melbourne", "VIC", "AU", "+61 3 5550 ####"),
    Place("Stockholm", "", "SE", "+46 8 465 004 ##"),
]
WEST_COAST_SHOP = (*_AMERICAN[:11] * 4, *_AMERICAN, *_CANADIAN, *_BRITISH[:4], *_ELSEWHERE)
"""Most of this shop's customers live near it, so those cities stand in the list several times."""
LONDON_SHOP = (*_BRITISH[:1] * 8, *_BRITISH)


def draw_phone(rng: Random, place: Place) -> str:
    """A fictional number of `place`."""
    return "".join(str(rng.randrange(10)) if sign == "#" else sign for sign in place.dialling)
