"""What the demo's shops sell."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Ware:
    """A product; `price` in whole cents of the shop's currency."""

    number: str
    title: str
    category: str
    price: int
    is_box: bool = False


COFFEES = (
    Ware("81001", "Juniper House", "Coffee", 1_450),
    Ware("81002", "Ethiopia Guji", "Coffee", 1_750),
    Ware("81003", "Colombia Huila", "Coffee", 1_600),
    Ware("81004", "Sumatra Gayo", "Coffee", 1_650),
    Ware("81005", "Night Shift Espresso", "Coffee", 1_550),
    Ware("81006", "Decaf Dusk", "Coffee", 1_500),
)
TEAS = (
    Ware("82001", "First Flush Darjeeling", "Tea", 1_900),
    Ware("82002", "Jasmine Pearls", "Tea", 1_700),
    Ware("82003", "Genmaicha", "Tea", 1_250),
    Ware("82004", "Smoky Lapsang", "Tea", 1_350),
    Ware("82005", "Ceremonial Matcha", "Tea", 2_900),
    Ware("82006", "Rooibos Orange", "Tea", 1_150),
)
BOXES = (
    Ware("83001", "Build-a-box of three", "Boxes", 2_400, is_box=True),
    Ware("83002", "Build-a-box of six", "Boxes", 4_500, is_box=True),
)
EXTRAS = (
    Ware("84001", "Paper filters, 100", "Equipment", 650),
    Ware("84002", "Tasting spoon", "Equipment", 900),
    Ware("84003", "Oat biscuits", "Pantry", 550),
    Ware("84004", "Wildflower honey", "Pantry", 1_100),
)
GIFTS = (
    Ware("85001", "Winter gift box", "Gifts", 3_900),
    Ware("85002", "Gift card", "Gifts", 2_500),
    Ware("85003", "Enamel mug", "Gifts", 1_800),
)
CATALOGUE = (*COFFEES, *TEAS, *BOXES, *EXTRAS, *GIFTS)
_BY_TITLE = {ware.title: ware for ware in CATALOGUE}


def main_ware(favourite: str, is_boxed: bool, rng: Random) -> Ware:
    """What somebody subscribes to."""
    return rng.choice(BOXES) if is_boxed else _BY_TITLE[favourite]
