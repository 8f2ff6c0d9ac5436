"""Reading customers: by e-mail, by words, one with what happened to it."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from customers.models import Customer
from portal.emails import InvalidEmail, display_email, email_key
from portal.models import Store

WORDS_AT_MOST = 8


def find_by_email(store: Store, text: str) -> Customer | None:
    """The customer whose address `text` is, in whatever case, spacing or Unicode form; None where there is none."""
    try:
        key = email_key(text)
    except InvalidEmail:
        return None
    return Customer.objects.for_store(store).filter(email_key=key).first()


def search(store: Store, words: str) -> QuerySet[Customer]:
    """The store's customers in whom each of `words` occurs: in e-mail, name or phone. All of them for no words.

    A whole address finds its one customer through the index; no such customer, then the words are looked for.
    """
    everyone: QuerySet[Customer] = Customer.objects.for_store(store)
    words = words.replace("\x00", "").strip()
    if "@" in words:
        found = find_by_email(store, words)
        if found is not None:
            return everyone.filter(pk=found.pk)
        words = display_email(words)
    for word in words.split()[:WORDS_AT_MOST]:
        everyone = everyone.filter(_occurs(word))
    return everyone


def _occurs(word: str) -> Q:
    # search_text is lower-cased; but SQLite lowers ASCII alone, so there an "É" is still one.
    forms = {word.lower()} if word.isascii() else {word.lower(), word.upper(), word.capitalize()}
    found = Q()
    for form in sorted(forms):
        found |= Q(search_text__contains=form)
    return found


def suggest(store: Store, text: str, limit: int = 8) -> list[Customer]:
    """At most `limit` customers that `text`, the beginning of an address or words of a name, may mean.

    Those whose address begins with it come first.
    """
    text = text.replace("\x00", "").strip()
    if not text:
        return []
    by_key = Customer.objects.for_store(store).order_by("email_key")
    begins: list[Customer] = list(by_key.filter(email_key__startswith=display_email(text).lower())[:limit])
    if len(begins) == limit:
        return begins
    known = {customer.pk for customer in begins}
    more = search(store, text).exclude(pk__in=known).order_by("email_key")[: limit - len(begins)]
    return begins + list(more)
