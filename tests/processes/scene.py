"""The store that a story is about."""

from __future__ import annotations

from typing import Any

from portal import jobs
from portal.models import Job, Store, User
from portal.models.job import ACTIVE_STATES
from portal.sheets import Stage, look
from segments.models import Segment

Rows = list[list[str]]


class Scene:
    """A store, its owner and its segment, found again."""

    def __init__(self, slug: str) -> None:
        self.store = Store.objects.get(slug=slug)
        self.owner = User.objects.get(email=f"owner@{slug}.example")
        self.segment: Any = Segment.objects.for_store(self.store).first()

    def work(self) -> None:
        """Do what workers find to do."""
        for job in Job.objects.for_store(self.store).filter(state__in=ACTIVE_STATES).order_by("pk"):
            jobs.run(job.pk)

    def latest(self, model: type[Any]) -> Any:
        upload = model.objects.for_store(self.store).order_by("-pk").first()
        if upload is not None:
            upload.store = self.store
        return upload

    def stage(self, upload: Any) -> Stage:
        return look(upload, jobs.of_subject(upload).first())
