"""Letters to staff as work in a row: written in the transaction that has something to tell, sent afterwards.

A letter goes out at least once: a worker that dies between sending one and writing that down sends it again. Who is
asked for at that time, and does not work in the store any more when it is sent, gets none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone

from portal import jobs
from portal.access import Role
from portal.jobs import GiveUp, Later, Step, register
from portal.models import Job, Staff, Store, User

LETTER = "portal.letter"
TRIES_MOST = 8
_FIRST_WAIT = 30.0


def owners(store: Store) -> list[int]:
    """The ids of the people who own the store."""
    found = Staff.objects.for_store(store).filter(role=Role.OWNER, user__is_active=True)
    return list(found.order_by("user").values_list("user", flat=True))


def enqueue(store: Store, template: str, *, label: str, context: dict[str, Any], to: Iterable[int]) -> Job:
    """Have a letter sent to these users (ids). The caller's transaction decides whether it is.

    `template` is a path without its ending: `.txt` is the letter, `_subject.txt` its subject. They are given `context`,
    which must be JSON and hold nobody's personal data, and `store`, `portal_url` and `person`.
    """
    payload = {"template": template, "context": context, "to": list(to)}
    return jobs.enqueue(store, LETTER, label=label, payload=payload, actor=None)


@register(LETTER, queue="deliveries")
class SendLetter:
    """Sends a letter to one person after the other; one whom it does not reach holds up nobody else."""

    def __init__(self, job: Job) -> None:
        self.job, self.store = job, job.store
        self.to: list[int] = job.payload["to"]
        self._outcome = ""

    def prepare(self) -> None:
        """Send it to the next person. Raises Later while the mail server does not take it."""
        cursor = self.job.cursor
        person = self._person(self.to[cursor["at"] if cursor else 0]) if self.to else None
        self._outcome = "gone"
        if person is None:
            return
        try:
            self._letter(person).send()
            self._outcome = "sent"
        except (OSError, ValueError) as error:
            tries = cursor.get("tries", 0) + 1
            self._outcome = "failed"
            if tries < TRIES_MOST:
                said = "The mail server did not take the letter. It is tried again by itself."
                wait = _FIRST_WAIT * 2**tries
                raise Later(said, seconds=wait, cursor={"at": 0, **cursor, "tries": tries}) from error

    def step(self) -> Step:
        cursor = self.job.cursor
        at = cursor.get("at", 0) + 1
        counts = {**cursor.get("counts", {})}
        counts[self._outcome] = counts.get(self._outcome, 0) + 1
        if at < len(self.to):
            return Step(at, len(self.to), {"at": at, "counts": counts}, "Sending")
        if counts.get("failed") and not counts.get("sent"):
            raise GiveUp("The mail server did not take the letter, however often it was tried.")
        return Step(len(self.to), len(self.to), {}, "Sent", result=counts)

    def _person(self, pk: int) -> User | None:
        place = Staff.objects.for_store(self.store).filter(user=pk, user__is_active=True).select_related("user").first()
        return place.user if place is not None else None

    def _letter(self, person: User) -> EmailMessage:
        name: str = self.job.payload["template"]
        context = {
            **self.job.payload["context"], "store": self.store, "person": person, "portal_url": settings.PUBLIC_URL
        }  # fmt: skip
        with timezone.override(self.store.zone):
            subject = " ".join(render_to_string(f"{name}_subject.txt", context).split())
            return EmailMessage(subject, render_to_string(f"{name}.txt", context), to=[person.email])
