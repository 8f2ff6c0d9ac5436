"""E-mail addresses as people type them, and the key by which two of them are the same person."""

from __future__ import annotations

import re
import unicodedata

import idna

MAX_LENGTH = 254  # RFC 5321: what fits between < and > on the wire
MAX_LOCAL_LENGTH = 64

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# Possessive quantifiers: a hostile cell cannot make the match backtrack.
_PLAIN = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}++(?:\.{_ATOM}++)*+@(?:(?![Xx][Nn]--){_LABEL}\.)++[A-Za-z]{{2,63}}")
_PLAIN_LABEL = re.compile(_LABEL)
_ATOM_ONLY = re.compile(rf"{_ATOM}+")
_WRAPPED = re.compile(r"[^<>]*<([^<>]*)>")

_INVISIBLE = "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"
_DIRECTION = frozenset("\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ENDS = _INVISIBLE + "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
_BAD_CATEGORIES = {
    "Cc": "a control character",
    "Cf": "an invisible character inside",
    "Cs": "a broken character",
    "Co": "a character that is not allowed",
    "Cn": "a character that is not allowed",
}
_LOOK_ALIKE_DOT = "\u3002"  # the IDNA codec takes the ideographic full stop for a dot
# Alphabets whose letters pass for one another; inside one word only one of them is honest.
_CONFUSABLE_ALPHABETS = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"})


class InvalidEmail(ValueError):
    """The text is no address; `reason` says why in words for the person who typed it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def email_key(text: str) -> str:
    """Return the key under which this address is one person; raise InvalidEmail with a reason.

    Case, outer space, Unicode composition, `Name <…>`, `mailto:` and the two spellings of an
    international domain do not make two people. Dots and plus signs do: they are other mailboxes.
    """
    if len(text) <= MAX_LENGTH and _PLAIN.fullmatch(text):
        return text.lower()
    return _key_of_unusual(text)


def display_email(text: str) -> str:
    """Return the address as it is shown: as typed, without outer space, wrapping or `mailto:`. Never raises."""
    text = _trim(unicodedata.normalize("NFC", text))
    wrapped = _WRAPPED.fullmatch(text)
    if wrapped:
        text = _trim(wrapped[1])
    if text[:7].lower() == "mailto:":
        text = _trim(text[7:].partition("?")[0])
    return text


def _trim(text: str) -> str:
    return text.strip(_ENDS)


def _key_of_unusual(text: str) -> str:
    address = display_email(text)
    _refuse_bad_characters(address)
    local, at, domain = address.partition("@")
    if not at:
        raise InvalidEmail("no @")
    if "@" in domain:
        raise InvalidEmail("more than one @")
    key = f"{_local_key(local)}@{_domain_key(domain)}"
    if len(key) > MAX_LENGTH:
        raise InvalidEmail(f"longer than {MAX_LENGTH} characters")
    return key


def _refuse_bad_characters(address: str) -> None:
    if not address:
        raise InvalidEmail("empty")
    if len(address) > MAX_LENGTH:
        raise InvalidEmail(f"longer than {MAX_LENGTH} characters")
    if address.startswith('"'):
        raise InvalidEmail("quotes before the @")
    for character in address:
        reason = _reason_against(character)
        if reason:
            raise InvalidEmail(reason)
    if unicodedata.normalize("NFKC", address) != address or _LOOK_ALIKE_DOT in address:
        raise InvalidEmail("a look-alike character")


def _reason_against(character: str) -> str | None:
    if character in _DIRECTION:
        return "a character that turns the direction of the text"
    if character == "\ufffd":  # what a program leaves where it could not read a letter
        return "a broken character"
    if character in _INVISIBLE:
        return "an invisible character inside"
    if character.isspace():
        return "a space inside"
    return _BAD_CATEGORIES.get(unicodedata.category(character))


def _local_key(local: str) -> str:
    if not local:
        raise InvalidEmail("nothing before the @")
    key = unicodedata.normalize("NFC", local.lower())
    # Some capitals take more room when they are small: what is too long then would not be its own key.
    if max(len(local.encode()), len(key.encode())) > MAX_LOCAL_LENGTH:
        raise InvalidEmail(f"more than {MAX_LOCAL_LENGTH} characters before the @")
    if local.startswith(".") or local.endswith(".") or ".." in local:
        raise InvalidEmail("a dot in the wrong place before the @")
    for word in local.split("."):
        starts_with_mark = unicodedata.category(word[0]).startswith("M")
        if starts_with_mark or not all(ord(sign) > 127 or _ATOM_ONLY.fullmatch(sign) for sign in word):
            raise InvalidEmail("a character that is not allowed before the @")
        _refuse_mixed_alphabets(word)
    return key


def _domain_key(domain: str) -> str:
    if not domain:
        raise InvalidEmail("nothing after the @")
    if domain.endswith("."):
        raise InvalidEmail("a dot at the end")
    labels = domain.lower().split(".")
    if len(labels) < 2:
        raise InvalidEmail("no dot in the domain")
    ascii_labels = [_label_key(label) for label in labels]
    top = ascii_labels[-1]
    if len(top) < 2 or not (top.isalpha() or top.startswith("xn--")):
        raise InvalidEmail("the domain has no valid ending")
    return ".".join(ascii_labels)


def _label_key(label: str) -> str:
    if not label:
        raise InvalidEmail("a dot in the wrong place in the domain")
    if label.isascii() and not label.startswith("xn--"):
        if not _PLAIN_LABEL.fullmatch(label):
            raise InvalidEmail("a character that is not allowed in the domain")
        return label
    try:
        # Lower-cased, not case-folded: folding would make "straße" and "strasse" one domain; they are two.
        shown = idna.decode(label) if label.isascii() else unicodedata.normalize("NFC", label)
        _refuse_mixed_alphabets(shown)
        return idna.encode(shown).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise InvalidEmail("a character that is not allowed in the domain") from error


def _refuse_mixed_alphabets(word: str) -> None:
    if word.isascii():
        return
    alphabets = {unicodedata.name(character, "").partition(" ")[0] for character in word if character.isalpha()}
    if len(alphabets & _CONFUSABLE_ALPHABETS) > 1:
        raise InvalidEmail("a look-alike character")
