"""The places of customers and of the floor: the profile, former addresses, files, what others say, runs, the trail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.admin.models import LogEntry
from django.core.files.storage import default_storage
from django.db.models import Max, Q, TextField
from django.db.models.functions import Cast

from customers.imports.work import NOTES
from customers.models import Customer, CustomerImport, CustomerImportRow, FormerAddress
from customers.privacy import files
from customers.privacy.person import Person
from customers.privacy.registry import Portion, place
from customers.privacy.sheets import ERASED_WORDS, Sheets, spelled
from portal import history
from portal.models import AuditEntry, Job

ADMIN_FILES = "django-import-export"
"""Where the admin keeps a file between its preview and its import."""
_CUSTOMERS_AT_ONCE = 50_000
_RUNS_AT_ONCE = 2_000


class Profile:
    """The customer; taken away with the request itself, so that the person is gone at once."""

    name = "Profile"
    covers: tuple[str, ...] = ("customers.Customer", "customers.FormerAddress")

    def tell(self, person: Person) -> Iterator[dict[str, Any]]:
        customer = Customer.objects.for_store(person.store).filter(pk=person.number, erased_at=None).first()
        if customer is None:
            return
        names = [field.name for field in Customer._meta.fields if field.name not in ("store", "last_import")]
        yield {name: getattr(customer, name) for name in names}
        for former in FormerAddress.objects.for_store(person.store).filter(customer=customer).order_by("pk"):
            yield {"former_email": former.email, "until": former.until}

    def erase(self, person: Person, after: int) -> Portion:
        gone = FormerAddress.objects.for_store(person.store).filter(customer_id=person.number).delete()[0]
        return Portion(gone + (person.customer_id is not None))


class Mentions:
    """What is written of the person among the attributes and tags of other customers."""

    name = "Mentions among other customers"
    covers: tuple[str, ...] = ()

    def tell(self, person: Person) -> Iterator[dict[str, Any]]:
        yield from ()

    def erase(self, person: Person, after: int) -> Portion:
        everyone = Customer.objects.for_store(person.store)
        ahead = everyone.filter(pk__gt=after).order_by("pk").values("pk")[:_CUSTOMERS_AT_ONCE]
        last = everyone.filter(pk__in=ahead).aggregate(last=Max("pk"))["last"]
        window = everyone.filter(pk__gt=after, pk__lte=last or 0)
        erased = 0
        for name in ("attributes", "tags"):
            as_text = window.annotate(said=Cast(name, TextField()))
            for customer in as_text.filter(spelled("said", person)).select_for_update(no_key=True, of=("self",)):
                value = person.blank_all(getattr(customer, name), ERASED_WORDS)
                erased += everyone.filter(pk=customer.pk).update(**{name: value})
        return Portion(erased, last)


class Runs:
    """Background runs, whose labels tell the names of files, and who were searched for."""

    name = "Background runs"
    covers: tuple[str, ...] = ("portal.Job",)

    def tell(self, person: Person) -> Iterator[dict[str, Any]]:
        for job in self._runs(person):
            if self._names(job, person):
                yield {"run": person.only(job.label), "at": job.created_at}

    def erase(self, person: Person, after: int) -> Portion:
        erased, last = 0, None
        for job in self._runs(person).filter(pk__gt=after).order_by("pk")[:_RUNS_AT_ONCE]:
            last = job.pk
            if self._names(job, person):
                said = {name: person.blank_all(getattr(job, name), ERASED_WORDS) for name in ("error", "result")}
                said["label"] = person.blank(job.label, ERASED_WORDS)[:255]
                erased += self._runs(person).filter(pk=job.pk).update(**said)
        return Portion(erased, last)

    def _runs(self, person: Person) -> Any:
        return Job.objects.for_store(person.store)

    def _names(self, job: Job, person: Person) -> bool:
        return any(person.is_in(text) for text in (job.label, job.error, str(job.result)))


class Trail:
    """The audit trail. It names customers by number and fields by name, so that it can be kept for ever."""

    name = "Audit trail"
    covers: tuple[str, ...] = ("portal.AuditEntry",)

    def tell(self, person: Person) -> Iterator[dict[str, Any]]:
        about = AuditEntry.objects.for_store(person.store).filter(object_type="customer", object_id=person.number)
        for entry in about.order_by("pk").iterator(chunk_size=1_000):
            # Who did it is staff, and so somebody else.
            yield {"at": entry.at, "what": entry.verb, "changed": history.changes(entry)}

    def erase(self, person: Person, after: int) -> Portion:
        return Portion(0)


class AdminPages:
    """What the Django admin keeps: its list of recent actions, and files between their preview and their import."""

    name = "Admin pages"
    covers: tuple[str, ...] = ("admin.LogEntry",)

    def tell(self, person: Person) -> Iterator[dict[str, Any]]:
        yield from ()

    def erase(self, person: Person, after: int) -> Portion:
        number = Q(content_type__app_label="customers", content_type__model="customer", object_id=str(person.number))
        named = Q()
        for mark in person.marks:
            named |= Q(object_repr__icontains=mark)
        erased = LogEntry.objects.filter(number | named).exclude(object_repr=ERASED_WORDS)
        gone = erased.update(object_repr=ERASED_WORDS)
        return Portion(gone + sum(self._delete_files(person)))

    def _delete_files(self, person: Person) -> Iterator[int]:
        if not default_storage.exists(ADMIN_FILES):
            return
        for name in default_storage.listdir(ADMIN_FILES)[1]:
            path = f"{ADMIN_FILES}/{name}"
            with default_storage.open(path) as file:
                is_named = files.names(file, person)
            if is_named:
                default_storage.delete(path)
                yield 1


place(Profile())
place(
    Sheets(
        "Customer files",
        CustomerImport,
        CustomerImportRow,
        notes=NOTES,
    )
)
place(Mentions())
place(Runs())
place(Trail())
place(AdminPages())
