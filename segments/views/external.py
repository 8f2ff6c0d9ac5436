"""Segments and lists of other systems: choosing one to import, how it is synced, unlinking it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render

from portal.access import Feature, Permission
from portal.actions import Refusal
from portal.actions.edits import ChangedMeanwhile
from portal.paging import KeysetPage, paginate
from portal.queries import last_change, said_by
from portal.store_views import NOT_FOUND, StoreRequest, store_view
from portal.templatetags.ui import counted
from segments import queries
from segments.external import connections, groups, links, looking, schedule
from segments.external.forms import KEEP, LET_GO, SyncSettingsForm, UnlinkForm
from segments.external.looking import Kind
from segments.membership import SegmentGone
from segments.models import ExternalGroup, ExternalLink, Segment
from segments.sources import kind_label, label_of
from segments.views.segments import FORM, the_segment

STEPS = ("Choose", "Check and import")
A_PAGE = 25
DELETED = "The segment was deleted meanwhile; nothing was changed."


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS)
def external(request: StoreRequest, segment_id: int) -> HttpResponse:
    """The first step: choose a segment type, search for the list by its name, and select it."""
    segment = the_segment(request, segment_id)
    if (link := links.link_of(segment)) is not None:
        return render(request, "segments/external_taken.html", {"segment": segment, "link": _told(link)})
    kinds = looking.kinds(connections.connections(request.store))
    if not any(kind.is_open for kind in kinds.values()):
        return _nothing_open(request, segment, kinds)
    kind = kinds.get(request.GET.get("type", ""))
    context = {
        "segment": segment,
        "kinds": kinds.values(),
        "closed": {kind.source: kind for kind in kinds.values() if not kind.is_open}.values(),
        "q": request.GET.get("q", "").strip(),
        "steps": STEPS,
        "kind": kind if kind and kind.is_open else None,
    }
    if kind is not None and kind.is_open:
        context |= _groups(request, kind)
    return render(request, "segments/external.html", context)


def _nothing_open(request: StoreRequest, segment: Segment, kinds: dict[str, Kind]) -> HttpResponse:
    context = {
        "segment": segment,
        "sources": {kind.source: kind.source_label for kind in kinds.values()}.items(),
        "refused": next((kind for kind in kinds.values() if kind.connection and kind.connection.credentials), None),
    }
    return render(request, "segments/external_unconnected.html", context)


def _groups(request: StoreRequest, kind: Kind) -> dict[str, Any]:
    connection = kind.connection
    if connection is None:
        return {}
    connection.store = request.store
    words = request.GET.get("q", "").strip()
    found = groups.groups(connection, kind.kind, words)
    page: KeysetPage = paginate(
        found, request.GET, sorts={"name": "name_key"}, default="name", size=A_PAGE, searched=bool(words)
    )
    imported = looking.imported_into(request.store, page.rows)
    rows = [(group, imported.get((group.kind, group.group_id), "")) for group in page.rows]
    reading, chosen = looking.indexing(connection), _chosen(request.GET)
    return {"connection": connection, "page": page, "rows": rows, "reading": reading, "chosen": chosen}


def _chosen(given: QueryDict) -> int | None:
    """The id of the list or segment that was selected."""
    text = given.get("group", "")
    return int(text) if text.isdecimal() and len(text) <= 18 else None


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=FORM)
def confirm(request: StoreRequest, segment_id: int) -> HttpResponse:
    """The second step: what will happen; with a click on Import it does."""
    segment = the_segment(request, segment_id)
    chosen = _chosen(request.POST if request.method == "POST" else request.GET)
    if chosen is None:
        messages.error(request, "Select a list or segment first.")
        return redirect("segments:external", request.store.slug, segment.pk)
    rows = ExternalGroup.objects.for_store(request.store).select_related("connection")
    group: ExternalGroup = get_object_or_404(rows, pk=chosen)
    if request.method == "POST":
        return _import(request, segment, group)
    connection = group.connection
    context = {
        "segment": segment,
        "group": group,
        "kind": kind_label(connection.source, group.kind),
        "type": f"{connection.source}-{group.kind}",
        "source": label_of(connection.source),
        "connection": connection,
        "at": schedule.time_of_day(connection),
        "brake": (settings.BRAKE_PERCENT, settings.BRAKE_PEOPLE),
        "steps": STEPS,
    }
    return render(request, "segments/external_confirm.html", context)


def _import(request: StoreRequest, segment: Segment, group: ExternalGroup) -> HttpResponse:
    try:
        return redirect(links.link_segment(segment, group, actor=request.user))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    except SegmentGone:
        messages.error(request, DELETED)
        return redirect("segments:list", request.store.slug)
    return redirect("segments:external", request.store.slug, segment.pk)


def _told(link: ExternalLink) -> dict[str, str]:
    kind = kind_label(link.connection.source, link.kind)
    return {"name": link.name, "kind": kind, "source": label_of(link.connection.source)}


def _linked(request: StoreRequest, segment_id: int) -> tuple[Segment, ExternalLink]:
    """The segment and what it follows; Http404 where that is nothing."""
    segment = the_segment(request, segment_id)
    link = links.link_of(segment)
    if link is None:
        raise Http404(NOT_FOUND)
    link.store, link.segment = request.store, segment
    return segment, link


@store_view(Permission.MANAGE_CONNECTIONS, feature=Feature.SEGMENTS, methods=FORM)
def sync_settings(request: StoreRequest, segment_id: int) -> HttpResponse:
    """Whether a segment is synced daily, and from when on a sync is held."""
    segment, link = _linked(request, segment_id)
    form = SyncSettingsForm.of(link, request.POST if request.method == "POST" else None)
    if form.is_valid() and _change(request, segment, form):
        return redirect(segment)
    context = {"segment": segment, "form": form, "link": link, **_told(link)}
    return render(request, "segments/sync_settings.html", context, status=422 if form.errors else 200)


def _change(request: StoreRequest, segment: Segment, form: SyncSettingsForm) -> bool:
    try:
        changes = links.change_link(segment, seen=form.seen(), wanted=form.cleaned_data, actor=request.user)
        messages.success(request, "Saved.") if changes else messages.info(request, "Nothing was changed.")
    except ChangedMeanwhile as clash:
        form.show_clashes(clash.current, said_by(last_change(request.store, segment, (links.CHANGED,))))
        return False
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return True


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=FORM)
def unlink(request: StoreRequest, segment_id: int) -> HttpResponse:
    """Have the segment follow its list no more, and keep those whom it brought in or let them go."""
    segment, link = _linked(request, segment_id)
    form = UnlinkForm(request.POST if request.method == "POST" else None, store=request.store)
    if form.is_valid() and (answer := _unlink(request, segment, link, form)) is not None:
        return answer
    chosen = form.data.get("members", KEEP)
    choices = [
        {
            "value": KEEP,
            "label": "Keep the members",
            "text": "All stay, as if they had been added by hand.",
            "icon": "users",
            "checked": chosen != LET_GO,
        },
        {
            "value": LET_GO,
            "label": "Let go whom only the list holds",
            "text": _who_leaves(segment),
            "icon": "users-minus",
            "checked": chosen == LET_GO,
        },
    ]
    error = next(iter(form.errors.get("members", [])), "")
    context = {"segment": segment, "choices": choices, "error": error, **_told(link)}
    return render(request, "segments/unlink.html", context, status=422 if form.errors else 200)


def _who_leaves(segment: Segment) -> str:
    alone = queries.held_by_list(segment)
    if alone == segment.member_count:
        return f"Everybody leaves the segment ({counted(alone, 'member')}): nothing else holds them."
    return f"{alone:,} of {counted(segment.member_count, 'member')} leave the segment; the others stay."


def _unlink(request: StoreRequest, segment: Segment, link: ExternalLink, form: UnlinkForm) -> HttpResponse | None:
    name, keep = link.name, form.cleaned_data["members"] == KEEP
    try:
        links.unlink(segment, keep_members=keep, actor=request.user)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect(segment)
    except SegmentGone:
        messages.error(request, DELETED)
        return redirect("segments:list", request.store.slug)
    messages.success(request, f"“{segment}” follows “{name}” no more.")
    return redirect(segment)
