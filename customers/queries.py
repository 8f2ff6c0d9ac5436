"""Reading customers: by e-mail, by words, what happened to one; and the files they came from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Q, QuerySet

from customers.models import Customer, CustomerImport, Erasure, FormerAddress
from portal import sets, wall
from portal.emails import InvalidEmail, display_email, email_key
from portal.models import AuditEntry, Store
from portal.queries import last_change, latest_job, said_by

WORDS_AT_MOST = 8


def find_by_email(store: Store, text: str) -> Customer | None:
    """The customer whose address `text` is, in whatever case, spacing or Unicode form; None where there is none."""
    try:
        key = email_key(text)
    except InvalidEmail:
        return None
    return Customer.objects.for_store(store).filter(email_key=key).first()


def everyone(store: Store) -> QuerySet[Customer]:
    """The store's customers, without those whose data was erased."""
    found: QuerySet[Customer] = Customer.objects.for_store(store).filter(erased_at=None)
    return found


def search(store: Store, words: str) -> QuerySet[Customer]:
    """The store's customers in whom each of `words` occurs: in e-mail, name or phone. All of them for no words."""
    return narrowed(everyone(store), store, words)


def narrowed(customers: QuerySet[Customer], store: Store, words: str) -> QuerySet[Customer]:
    """Those of `customers`, who are the store's, in whom each of `words` occurs."""
    return customers.filter(meaning(store, words))


def meaning(store: Store, words: str, prefix: str = "") -> Q:
    """What is true of the customers of the store whom `words` find; with `prefix`, a foreign key's name and "__", of
    the rows that point at them. No words find all; words of which nothing is left to look for find nobody.

    A whole address finds its one customer through the index; no such customer, then the words are looked for.
    """
    wanted = words.strip()
    words = wanted.replace("\x00", "").strip()
    if "@" in words:
        found = find_by_email(store, words)
        if found is not None:
            return Q(**{f"{prefix}pk": found.pk})
        words = display_email(words)
    if wanted and not words.strip():
        return Q(pk__in=[])
    said = Q()
    for word in words.split()[:WORDS_AT_MOST]:
        said &= _occurs(word, prefix)
    return said


def _occurs(word: str, prefix: str) -> Q:
    return occurs(word, f"{prefix}search_text")


def occurs(word: str, field: str) -> Q:
    """That `word` occurs, in whatever case, in the text of `field`, which the database has made lower case."""
    # SQLite lowers ASCII alone, so there an "É" is still one.
    forms = {word.lower()} if word.isascii() else {word.lower(), word.upper(), word.capitalize()}
    found = Q()
    for form in sorted(forms):
        found |= Q(**{f"{field}__contains": form})
    return found


def suggest(store: Store, text: str, limit: int = 8) -> list[Customer]:
    """At most `limit` customers that `text`, the beginning of an address or words of a name, may mean.

    Those whose address begins with it come first.
    """
    text = text.replace("\x00", "").strip()
    if not text:
        return []
    by_key = everyone(store).order_by("email_key")
    # search_text begins with the address, and is indexed by its parts; the order of email_key may not be that of bytes.
    begins: list[Customer] = wall.read(by_key.filter(search_text__startswith=display_email(text).lower()), limit)
    if len(begins) == limit:
        return begins
    known = {customer.pk for customer in begins}
    more = search(store, text).exclude(pk__in=known).order_by("email_key")
    return begins + wall.read(more, limit - len(begins))


def changes_of(customer: Customer, most: int = 20) -> list[AuditEntry]:
    """What people did to the customer, the latest first."""
    entries = AuditEntry.objects.for_store(customer.store).filter(object_type="customer", object_id=customer.pk)
    return list(entries.order_by("-at", "-pk")[:most])


def last_editor(customer: Customer) -> str:
    """Who changed the customer last and when, for a sentence: a person by hand, or an import."""
    entry = last_change(customer.store, customer)
    return said_by(entry if entry is not None and entry.at >= customer.changed_at - timedelta(seconds=5) else None)


def imports(store: Store) -> QuerySet[CustomerImport]:
    """The files that customers of the store were, or may be, imported from."""
    found: QuerySet[CustomerImport] = CustomerImport.objects.for_store(store).select_related("created_by")
    return found


def erasures(store: Store) -> QuerySet[Erasure]:
    """Who was erased, by whom and when; without a word on who it was."""
    found: QuerySet[Erasure] = Erasure.objects.for_store(store).select_related("asked_by")
    return found


def who_had(store: Store, text: str) -> list[Customer]:
    """The customers whose address this was before they changed it."""
    try:
        key = email_key(text)
    except InvalidEmail:
        return []
    former = FormerAddress.objects.for_store(store).filter(email_key=key).values("customer")
    return list(everyone(store).filter(pk__in=former).order_by("pk")[:20])


def awaits_columns(upload: CustomerImport) -> bool:
    """Whether nobody has said yet what the columns of the file are."""
    return upload.checked_at is None and latest_job(upload) is None


def ids_of(store: Store, keys: Sequence[str]) -> dict[str, int]:
    """The customers who have these addresses: email_key → id, for as many keys as one likes."""
    found: dict[str, int] = {}
    everyone = Customer.objects.for_store(store)
    for some in sets.handfuls(keys):
        found.update(everyone.filter(email_key__among=some).values_list("email_key", "pk"))
    return found
