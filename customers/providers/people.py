"""Bringing in the people whom a provider tells of: matched by the provider's id or by the address, added where they are
new, and changed by the newest word alone. Whole sets of them, a handful of statements each.

Names, phone and consent are those of the newest word that says them; a word that is silent takes nothing away. Tags are
only added, and the earliest sign-up counts: in both the order of words does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from customers import queries
from customers.commerce.records import Outcome, text
from customers.models import Consent, Customer, FormerAddress, PersonTold
from customers.privacy.identity import EMAIL, RECHARGE, SHOPIFY, erased_among
from customers.register import hold_customers, lock_customers
from customers.touched import touch
from portal import sets
from portal.emails import InvalidEmail, display_email, email_key
from portal.models import Store

ID_OF = {"shopify": SHOPIFY, "recharge": RECHARGE}
"""Source → the customer's field for the id there."""
WAS_ERASED = "This person was erased on request, and comes back only by asking for it."
NO_ADDRESS = "Nobody here is known by its id, and it has no e-mail address."
BAD_ADDRESS = "Its e-mail address cannot be used: {}."
_READ = ("email", "email_key", "first_name", "last_name", "phone", "signed_up_at", "tags", "marketing_consent")
_LENGTHS = {"first_name": 150, "last_name": 150, "phone": 50}
_TAGS_MOST = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSaid:
    """A person as the provider knows them since `told_at`; `external_id` is '' for one who bought as a guest."""

    told_at: datetime
    email: str = ""
    external_id: str = ""
    first_name: str = ""
    last_name: str = ""
    phone: str = ""
    signed_up_at: datetime | None = None
    consent: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Brought:
    """Which customer it is; None where nobody is or may be, for `reason`."""

    customer_id: int | None
    outcome: Outcome
    reason: str = ""


@dataclass(slots=True)
class _Draft:
    """A customer as the words make them; `pk` is None until they are written."""

    values: dict[str, Any]
    pk: int | None = None
    is_changed: bool = False
    former: list[tuple[str, str]] = field(default_factory=list)

    def put(self, name: str, value: Any) -> None:
        if self.values[name] != value:
            self.values[name], self.is_changed = value, True


def bring(store: Store, source: str, said: Sequence[PersonSaid]) -> list[Brought]:
    """Add and change the store's customers by what the source says of them, in the caller's transaction; who each of
    them is, in their order."""
    return _Bringing(store, source).bring(said) if said else []


class _Bringing:
    def __init__(self, store: Store, source: str) -> None:
        self.store, self.source, self.id_field = store, source, ID_OF[source]
        self.now = timezone.now()
        self.by_id: dict[str, _Draft] = {}
        self.by_key: dict[str, _Draft] = {}
        self.told: dict[str, datetime] = {}
        self._known: dict[str, tuple[int, int, datetime]] = {}

    def bring(self, said: Sequence[PersonSaid]) -> list[Brought]:
        hold_customers(self.store)
        keys = [_key(one.email) for one in said]
        erased = erased_among(
            self.store,
            {EMAIL: [key for key, _ in keys if key], self.id_field: [one.external_id for one in said]},
        )
        self._read(said, [key for key, _ in keys if key])
        met: list[tuple[_Draft | None, Outcome, str]] = []
        for one, (key, trouble) in zip(said, keys, strict=True):
            if (EMAIL, key) in erased or (self.id_field, one.external_id) in erased:
                met.append((None, Outcome.GONE, WAS_ERASED))
            else:
                met.append(self._hear(one, key, trouble))
        self._write()
        return [Brought(draft.pk if draft else None, outcome, reason) for draft, outcome, reason in met]

    # --- Who is here

    def _read(self, said: Sequence[PersonSaid], keys: Sequence[str]) -> None:
        ids = sorted({one.external_id for one in said if one.external_id})
        rows = PersonTold.objects.for_store(self.store).filter(source=self.source, external_id__among=ids)
        for pk, external_id, customer, told_at in rows.values_list("pk", "external_id", "customer", "told_at"):
            self._known[external_id] = (pk, customer, told_at)
            self.told[external_id] = told_at
        meant = {customer for _, customer, _ in self._known.values()}
        drafts = self._drafts(ids, keys, meant)
        for draft in drafts.values():
            self.by_key[draft.values["email_key"]] = draft
            if draft.values[self.id_field]:
                self.by_id[draft.values[self.id_field]] = draft
        for external_id, (_, customer, _) in self._known.items():
            if customer in drafts:
                self.by_id[external_id] = drafts[customer]

    def _drafts(self, ids: Sequence[str], keys: Sequence[str], numbers: set[int]) -> dict[int, _Draft]:
        wanted = (
            Q(**{f"{self.id_field}__among": ids}) if ids else None,
            Q(email_key__among=keys) if keys else None,
            Q(pk__among=sorted(numbers)) if numbers else None,
        )
        here = Customer.objects.for_store(self.store).filter(erased_at=None)
        found: dict[int, _Draft] = {}
        # One question after the other: each has an index of its own.
        for one in filter(None, wanted):
            for pk, *values in here.filter(one).values_list("pk", *_READ, self.id_field):
                found.setdefault(pk, _Draft(dict(zip((*_READ, self.id_field), values, strict=True)), pk))
        return found

    # --- What is said

    def _hear(self, said: PersonSaid, key: str, trouble: str) -> tuple[_Draft | None, Outcome, str]:
        draft = self.by_id.get(said.external_id) if said.external_id else None
        draft = draft or (self.by_key.get(key) if key else None)
        if draft is None and not key:
            return None, Outcome.GONE, trouble
        latest = self.told.get(said.external_id) if said.external_id else None
        if latest is not None and said.told_at < latest:
            return (draft, Outcome.OLDER, "") if draft else (None, Outcome.OLDER, NO_ADDRESS)
        outcome = Outcome.UNCHANGED
        if draft is None:
            draft, outcome = self._new(said, key), Outcome.CREATED
        was_changed, draft.is_changed = draft.is_changed, False
        self._apply(draft, said, key)
        if draft.is_changed and outcome == Outcome.UNCHANGED:
            outcome = Outcome.UPDATED
        draft.is_changed |= was_changed
        if said.external_id:
            self.told[said.external_id] = said.told_at
            self.by_id[said.external_id] = draft
        return draft, outcome, ""

    def _new(self, said: PersonSaid, key: str) -> _Draft:
        values: dict[str, Any] = dict.fromkeys((*_READ, self.id_field), "")
        values |= {
            "email": display_email(said.email),
            "email_key": key,
            "signed_up_at": said.signed_up_at or self.now,
            "tags": [],
            "marketing_consent": Consent.UNKNOWN.value,
        }
        draft = self.by_key[key] = _Draft(values)
        return draft

    def _apply(self, draft: _Draft, said: PersonSaid, key: str) -> None:
        is_guest = not said.external_id
        for name, length in _LENGTHS.items():
            value = text(getattr(said, name), length)
            if value and not (is_guest and draft.values[name]):
                draft.put(name, value)
        if said.signed_up_at is not None and said.signed_up_at < draft.values["signed_up_at"]:
            draft.put("signed_up_at", said.signed_up_at)
        if is_guest:
            return
        if said.consent:
            draft.put("marketing_consent", said.consent)
        tags = [*dict.fromkeys([*draft.values["tags"], *(text(tag, 100) for tag in said.tags)])]
        draft.put("tags", [tag for tag in tags if tag][:_TAGS_MOST])
        draft.put(self.id_field, said.external_id[:50])
        if key and key != draft.values["email_key"] and key not in self.by_key:
            draft.former.append((draft.values["email"], draft.values["email_key"]))
            draft.put("email", display_email(said.email))
            draft.put("email_key", key)
            self.by_key[key] = draft

    # --- Writing

    def _write(self) -> None:
        drafts = {id(draft): draft for draft in (*self.by_key.values(), *self.by_id.values())}.values()
        new = [draft for draft in drafts if draft.pk is None]
        changed = [draft for draft in drafts if draft.pk is not None and draft.is_changed]
        if new or changed:
            version = lock_customers(self.store)
            self._add(new, version)
            self._change(changed, version)
            touch(self.store, [draft.pk for draft in (*new, *changed) if draft.pk is not None])
        self._note_told()

    def _add(self, drafts: Sequence[_Draft], version: int) -> None:
        if not drafts:
            return
        fixed: dict[str, Any] = {
            "store": self.store.pk, "acquisition_channel": "", "attributes": {}, "shopify_id": "", "recharge_id": "",
            "klaviyo_id": "", "last_import": None, "created_at": self.now, "changed_at": self.now,
            "changed_in": version,
        }  # fmt: skip
        rows = [fixed | draft.values for draft in drafts]
        names = tuple(rows[0])
        sets.load(Customer, names, ([row[name] for name in names] for row in rows))
        numbers = queries.ids_of(self.store, [draft.values["email_key"] for draft in drafts])
        for draft in drafts:
            draft.pk = numbers[draft.values["email_key"]]

    def _change(self, drafts: Sequence[_Draft], version: int) -> None:
        names = (*_READ, self.id_field)
        rows = {draft.pk: (*(draft.values[name] for name in names), self.now, version) for draft in drafts if draft.pk}
        sets.overwrite(Customer, (*names, "changed_at", "changed_in"), rows)
        former = [(self.store.pk, draft.pk, email, key, self.now) for draft in drafts for email, key in draft.former]
        if former:
            sets.load(FormerAddress, ("store", "customer", "email", "email_key", "until"), former)

    def _note_told(self) -> None:
        new, over = [], {}
        for external_id, told_at in self.told.items():
            draft = self.by_id.get(external_id)
            if draft is None or draft.pk is None:
                continue
            known = self._known.get(external_id)
            if known is None:
                new.append((self.store.pk, self.source, external_id[:50], draft.pk, told_at))
            elif known[1:] != (draft.pk, told_at):
                over[known[0]] = (draft.pk, told_at)
        if new:
            sets.load(PersonTold, ("store", "source", "external_id", "customer", "told_at"), new)
        sets.overwrite(PersonTold, ("customer", "told_at"), over)


def _key(email: str) -> tuple[str, str]:
    """The address's key, or '' and why there is none."""
    if not email.strip():
        return "", NO_ADDRESS
    try:
        return email_key(email), ""
    except InvalidEmail as error:
        return "", BAD_ADDRESS.format(error.reason)
