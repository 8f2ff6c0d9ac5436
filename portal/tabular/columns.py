"""Finding a column by the names that shops, e-mail tools and people give it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

# The first name that is there wins, so the plainest stand first.
EMAIL_NAMES = (
    "email",
    "email address",
    "customer email",
    "customer email address",
    "primary email",
    "contact email",
    "shopper email",
    "subscriber email",
    "user email",
    "billing email",
    "mail",
    "mail address",
    "email id",
    "email adresse",
    "mailadresse",
    "adresse email",
    "adresse mail",
    "courriel",
    "correo",
    "correo electrónico",
    "indirizzo email",
    "emailadres",
)
FIRST_NAMES = (
    "first name",
    "first",
    "given name",
    "forename",
    "fname",
    "customer first name",
    "billing first name",
    "shipping first name",
    "vorname",
    "prénom",
    "nombre",
    "voornaam",
)
LAST_NAMES = (
    "last name",
    "last",
    "surname",
    "family name",
    "lname",
    "customer last name",
    "billing last name",
    "shipping last name",
    "nachname",
    "nom de famille",
    "apellido",
    "apellidos",
    "cognome",
    "achternaam",
)
FULL_NAMES = ("name", "full name", "customer name", "customer", "contact name", "display name", "billing name")
PHONE_NAMES = (
    "phone",
    "phone number",
    "customer phone",
    "mobile",
    "mobile phone",
    "mobile number",
    "cell",
    "cell phone",
    "telephone",
    "telephone number",
    "tel",
    "billing phone",
    "shipping phone",
    "default address phone",
    "telefon",
    "telefonnummer",
    "handy",
    "téléphone",
    "teléfono",
)

_SEPARATORS = re.compile(r"[\W_]+")


def find_column(headers: Sequence[str], names: Iterable[str]) -> int | None:
    """Return the index of the first of `names` among the headers, whatever their case, spaces, hyphens, underscores."""
    places: dict[str, int] = {}
    for index, header in enumerate(headers):
        places.setdefault(column_key(header), index)
    return next((places[key] for name in names if (key := column_key(name)) in places), None)


def column_key(header: str) -> str:
    """Return the header as compared: letters and digits only, case-folded ("E-Mail address" is "emailaddress")."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", header).casefold())
