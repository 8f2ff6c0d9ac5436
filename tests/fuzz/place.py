"""A store with two customers and both doors for files, outside of pytest."""

from __future__ import annotations

from collections.abc import Mapping

from django.test import Client

from portal import jobs
from portal.models import Job
from portal.models.job import JobState
from segments.actions import create_segment
from tests.conftest import make_customer, make_store, make_user
from tests.corpus.cases import KNOWN
from tests.files.doors import CustomerDoor, Door, SegmentDoor


def run_jobs() -> list[Job]:
    """Do what is queued, as a worker would; the jobs that were done."""
    done: list[Job] = []
    while (job := Job.everywhere.filter(state=JobState.QUEUED).order_by("pk").first()) is not None:
        jobs.run(job.pk)
        job.refresh_from_db()
        if job.state == JobState.QUEUED:
            raise AssertionError(f"{job.kind} was put back: {job.error}")
        done.append(job)
    return done


def make_doors() -> Mapping[str, Door]:
    jobs.ring = lambda job_id, queue: True  # nobody listens: the jobs are done by hand
    store = make_store("maple", name="Maple Coffee", time_zone="America/New_York")
    owner = make_user("owner@maple.example", owner=store)
    for email in KNOWN:
        make_customer(store, email)
    client = Client()
    client.force_login(owner)
    segment = create_segment(store, name="Big Spenders", actor=owner)
    return {"segment": SegmentDoor(client, segment, run_jobs), "customers": CustomerDoor(client, store, run_jobs)}
