"""How the outcomes of a file's rows are put, for each sort of file."""

from __future__ import annotations

from dataclasses import dataclass, replace

from customers.models import ImportKind, ImportVerdict

NOT_IMPORTED = "not_imported"


@dataclass(frozen=True)
class Words:
    """How an outcome is shown: `before` the import, and after it."""

    tone: str
    icon: str
    label: str
    before: str
    after: str


_UNCHANGED = Words("neutral", "user-check", "Nothing new", "", "What the file says was known.")
_ERASED = Words(
    "neutral",
    "shield-lock",
    "Erased people",
    "They were erased on request: ignored, and nothing of these rows is kept.",
    "They were erased on request: nothing of these rows is kept.",
)
_NOT_IMPORTED = Words("warn", "player-stop", "Not imported", "", "The import stopped before these rows.")
_INVALID = Words("bad", "file-alert", "Invalid", "These rows cannot be used.", "These rows could not be used.")

OF_CUSTOMERS = {
    ImportVerdict.CREATED: Words("good", "user-plus", "New customers", "They will be added.", "They were added."),
    ImportVerdict.UPDATED: Words(
        "good",
        "user-edit",
        "Customers here already",
        "They will be updated where the file says something new. Empty cells change nothing.",
        "They were updated. Empty cells changed nothing.",
    ),
    ImportVerdict.UNCHANGED: _UNCHANGED,
    "stays_unsubscribed": Words(
        "warn",
        "mail-off",
        "Kept unsubscribed",
        "The file says subscribed, but they unsubscribed here. They stay so, unless you say otherwise below.",
        "The file says subscribed, but they unsubscribed here. They stayed so.",
    ),
    "consent_kept": Words(
        "neutral",
        "shield-check",
        "Consent kept",
        "The file says another marketing consent. Theirs stays, unless you say otherwise below.",
        "The file says another marketing consent. Theirs stayed.",
    ),
    ImportVerdict.ERASED: _ERASED,
    NOT_IMPORTED: _NOT_IMPORTED,
    ImportVerdict.REPEATED: Words(
        "neutral",
        "repeat",
        "Again later in the file",
        "A person counts once: the last row will be taken.",
        "A person counts once: the last row was taken.",
    ),
    ImportVerdict.INVALID: _INVALID,
}


_WAITING = Words(
    "warn",
    "user-question",
    "Not matched to a customer",
    "Nobody here is known by the address or id of these rows. They will be kept, for a customer who has it later.",
    "Nobody here was known by the address or id of these rows. They are kept, for a customer who has it later.",
)


def _of_events() -> dict[str, Words]:
    """What happened is never another: no event is updated, and those of nobody wait for somebody."""
    words = {**_of_deeds("event", "events", "activity"), ImportVerdict.UNMATCHED: _WAITING}
    return {outcome: said for outcome, said in words.items() if outcome != ImportVerdict.UPDATED}


def _of_deeds(one: str, many: str, icon: str) -> dict[str, Words]:
    return {
        ImportVerdict.CREATED: Words("good", icon, f"New {many}", "They will be added.", "They were added."),
        ImportVerdict.UPDATED: Words(
            "good",
            "edit",
            f"{many.capitalize()} here already",
            "They will be updated where the file says something new.",
            "They were updated.",
        ),
        ImportVerdict.UNCHANGED: replace(_UNCHANGED, icon="check", before="What the file says is known."),
        ImportVerdict.OLDER: Words(
            "neutral",
            "history",
            "Older than what is known",
            f"Something newer is known of these {many}: they will stay as they are.",
            f"Something newer is known of these {many}: they stayed as they are.",
        ),
        ImportVerdict.JOINED: Words(
            "neutral",
            "corner-down-right",
            f"Further rows of an {one}" if one[0] in "aeiou" else f"Further rows of a {one}",
            "They belong to a row above, and go in with it.",
            "They belong to a row above, and went in with it.",
        ),
        ImportVerdict.UNMATCHED: Words(
            "warn",
            "user-question",
            "Not matched to a customer",
            "Nobody here is known by the address or id of these rows. They will be left out.",
            "Nobody here was known by the address or id of these rows. They were left out.",
        ),
        ImportVerdict.ERASED: _ERASED,
        NOT_IMPORTED: _NOT_IMPORTED,
        ImportVerdict.REPEATED: Words(
            "neutral",
            "repeat",
            "Again in the file",
            f"Rows that come twice: each of the {many} counts once.",
            f"Rows that came twice: each of the {many} counted once.",
        ),
        ImportVerdict.INVALID: _INVALID,
    }


WORDS: dict[str, dict[str, Words]] = {
    ImportKind.CUSTOMERS: {str(name): words for name, words in OF_CUSTOMERS.items()},
    ImportKind.ORDERS: _of_deeds("order", "orders", "receipt"),
    ImportKind.SUBSCRIPTIONS: _of_deeds("subscription", "subscriptions", "repeat"),
    ImportKind.EVENTS: _of_events(),
}
"""Sort of file → outcome, in the order in which they are told → its words."""
