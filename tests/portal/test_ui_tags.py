"""What the tags of the pages put out: names, times, numbers, and forms whose help and errors reach everyone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.conf import settings
from django.template import Context, Template
from django.utils import timezone

from portal.models.job import JobState
from portal.templatetags import ui

NOW = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)
SOURCES = [*Path(settings.BASE_DIR, "templates").rglob("*.html"), *Path(settings.BASE_DIR).glob("*/templatetags/*.py")]


def render(source: str, **context: Any) -> str:
    return Template("{% load ui ui_blocks ui_forms %}" + source).render(Context(context))


def sprite() -> set[str]:
    return set(re.findall(r'<symbol id="([^"]+)"', Path(settings.BASE_DIR, "static", ui.SPRITE).read_text()))


# --- Icons ---


def test_icon_is_decoration_unless_it_has_a_label() -> None:
    assert 'aria-hidden="true"' in ui.icon("trash")
    labelled = ui.icon("lock", label='Locked <for "you">')
    assert 'role="img" aria-label="Locked &lt;for &quot;you&quot;&gt;"' in labelled
    assert "aria-hidden" not in labelled


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    named = {
        (path.name, name)
        for path in SOURCES
        for name in re.findall(r'{% icon "([^"]+)"|{%[^%]* icon="([^"]+)"', path.read_text())
        for name in name
        if name
    }
    assert named
    assert {(path, name) for path, name in named if name not in sprite()} == set()


def test_every_look_of_a_job_is_in_the_sprite() -> None:
    assert set(ui.STATE_LOOKS) == {str(state) for state in JobState}
    assert {icon for _, icon in ui.STATE_LOOKS.values()} <= sprite()


def test_sprite_holds_exactly_what_its_list_names() -> None:
    listed = Path(settings.BASE_DIR, "static", ui.SPRITE).with_name("icons.txt").read_text().split()
    assert listed == sorted(sprite())


# --- Times ---


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=20), "Just now"),
        (timedelta(minutes=4, seconds=50), "4 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=2), "Today, 14:30"),
        (timedelta(hours=17), "Yesterday, 23:30"),
        (timedelta(days=9), "13 Nov 2026"),
        (timedelta(hours=-3), "Today, 19:30"),
        (timedelta(hours=-20), "Tomorrow, 12:30"),
    ],
)
def test_humane_speaks_in_the_zone_that_is_on(ago: timedelta, text: str) -> None:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert ui.humane(NOW - ago, now=NOW) == text


def test_exact_time_shows_the_minute_and_tells_second_and_zone_on_hover() -> None:
    with timezone.override(ZoneInfo("America/New_York")):
        shown = ui.exact_time(NOW)
    assert ">22 Nov 2026, 10:30</time>" in shown
    assert 'datetime="2026-11-22T10:30:00-05:00"' in shown
    assert 'title="22 Nov 2026, 10:30:00 (America/New_York)"' in shown


def test_a_missing_time_is_said_in_words() -> None:
    assert render("{% when none empty='Not yet' %}") == "Not yet"
    assert render("{% exact_time none %}") == "Never"


# --- Numbers and words ---


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ 1204567|grouped }}", "1,204,567"),
        ("{{ none|grouped }}", "–"),
        ("{{ 1204567|plain }}", "1204567"),
        ("{{ none|plain }}", ""),
        ("{{ 1200|signed }} {{ minus|signed }} {{ 0|signed }} {{ none|signed }}", "+1,200 −3 0 –"),
        ('{{ 1|counted:"customer" }}, {{ 1200|counted:"customer" }}', "1 customer, 1,200 customers"),
        ('{{ 0|counted:"person,people" }}', "0 people"),
        ("{{ 812|file_size }}; {{ 4200|file_size }}; {{ 999960|file_size }}", "812 bytes; 4.2 KB; 1.0 MB"),
        ("{{ short|lasting }}; {{ long|lasting }}; {{ none|lasting }}", "4 s; 26 h 5 min; –"),
    ],
)
def test_numbers_read_well(source: str, text: str) -> None:
    assert (
        render(source, none=None, minus=-3, short=timedelta(seconds=4.9), long=timedelta(hours=26, minutes=5)) == text
    )


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Anna Lindqvist", "AL"),
        ("anna.lindqvist@mail.example", "AL"),
        ("Plato", "P"),
        ("Ana de la Cruz", "AC"),
        ("@", "?"),
    ],
)
def test_initials(name: str, letters: str) -> None:
    assert ui.initials(name) == letters


def test_avatar_keeps_its_tone_for_a_name_in_any_case() -> None:
    assert ui.avatar("Anna Lindqvist").replace("AL", "") == ui.avatar("ANNA LINDQVIST").replace("AL", "")


def test_highlight_marks_every_occurrence_and_escapes_all_of_it() -> None:
    assert render("{{ text|highlight:q }}", text="<b>Ann & ann", q="ANN") == (
        "&lt;b&gt;<mark>Ann</mark> &amp; <mark>ann</mark>"
    )
    assert render("{{ text|highlight:q }}", text="a.c abc", q="a.c") == "<mark>a.c</mark> abc"
    assert render("{{ text|highlight:q }}", text="<b>", q="") == "&lt;b&gt;"


# --- Forms ---


class Wanted(forms.Form):
    email = forms.EmailField(help_text="The address customers reply to.")
    note = forms.CharField(required=False)
    way = forms.ChoiceField(choices=[("a", "One <a>"), ("b", "Two")], widget=forms.RadioSelect)
    sure = forms.BooleanField(required=False)


def test_field_ties_help_and_error_to_its_control() -> None:
    html = render("{% field form.email %}", form=Wanted({"email": "nobody"}))
    control = re.search(r"<input[^>]+>", html)
    assert control
    assert 'aria-describedby="id_email_helptext id_email_error"' in control[0]
    assert 'aria-invalid="true"' in control[0]
    assert 'class="form-control is-invalid"' in control[0]
    assert '<label class="form-label" for="id_email">' in html
    assert html.count('id="id_email_helptext"') == html.count('id="id_email_error"') == 1


def test_field_takes_label_help_and_attributes_from_the_template() -> None:
    html = render('{% field form.note label="Remark" help="Only staff see it." data_most=20 %}', form=Wanted())
    assert "Remark" in html
    assert 'data-most="20"' in html
    assert 'aria-describedby="id_note_helptext"' in html
    assert "Optional" in html


def test_field_without_help_is_not_described_by_it() -> None:
    html = render('{% field form.email help="" %}', form=Wanted())
    assert "helptext" not in html


def test_choices_are_a_named_group() -> None:
    html = render("{% field form.way %}", form=Wanted({"way": "b"}))
    assert "<fieldset" in html
    assert re.search(r"<legend[^>]*>Way</legend>", html)
    assert "One &lt;a&gt;" in html
    assert re.search(r'value="b"[^>]* checked', html)


def test_fields_draws_everything_once() -> None:
    form = Wanted({"email": "anna@mail.example", "way": "a"})
    form.add_error(None, "The store could not be saved.")
    html = render("{% fields form %}", form=form)
    assert [html.count(f'name="{name}"') for name in ("email", "note", "way", "sure")] == [1, 1, 2, 1]
    assert html.count("The store could not be saved.") == 1
    assert 'role="alert"' in html


def test_suggest_field_is_a_combobox_over_its_list() -> None:
    html = render('{% suggest_field form.email "/suggest" %}', form=Wanted())
    assert 'role="combobox"' in html
    assert 'aria-controls="id_email_suggestions"' in html
    assert re.search(r'<ul[^>]+id="id_email_suggestions"[^>]+role="listbox"', html)


# --- Blocks and included parts ---


def test_blocks_escape_their_words_and_keep_their_content() -> None:
    html = render('{% card title=title %}<p class="inner">{{ text }}</p>{% endcard %}', title="<T>", text="<x>")
    assert "&lt;T&gt;" in html
    assert '<p class="inner">&lt;x&gt;</p>' in html


def job(**fields: Any) -> SimpleNamespace:
    state = JobState(fields.get("state", "running"))
    given = {
        "state": state,
        "phase": "Matching",
        "done": 1200,
        "total": 4800,
        "percent": 25,
        "error": "",
        "label": "Import",
    }
    active = state in (JobState.QUEUED, JobState.RUNNING)
    return SimpleNamespace(
        **(given | fields | {"state": state}), is_active=active, get_state_display=lambda: state.label
    )


def test_a_running_job_polls_and_its_bar_carries_plain_numbers() -> None:
    html = render('{% include "components/progress_run.html" with poll_url="/poll" unit="rows" %}', job=job())
    assert 'hx-get="/poll" hx-trigger="every 1s" hx-target="this"' in html
    assert re.search(r'<progress[^>]+max="100" value="25"', html)
    assert "1,200 of 4,800 rows" in html


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled"])
def test_an_ended_job_does_not_poll(state: str) -> None:
    html = render(
        '{% include "components/progress_run.html" with poll_url="/poll" done_url="/report" %}',
        job=job(state=state, error="The file went away."),
    )
    assert "hx-get" not in html
    assert "<progress" not in html
    assert "The file went away." in html
    assert 'href="/report"' in html


def test_a_job_without_a_total_has_an_open_bar() -> None:
    html = render('{% include "components/progress_run_body.html" %}', job=job(total=None, percent=None, done=7))
    assert re.search(r'<progress class="progress" max="100" aria-label="Matching">', html)


@pytest.mark.parametrize("name", ["400.html", "403.html", "404.html", "500.html", "503.html"])
def test_error_pages_need_no_context(name: str) -> None:
    html = Template('{% include "' + name + '" %}').render(Context())
    assert f"Error {name[:3]}" in html


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_templates_keep_to_the_content_security_policy(path: Path) -> None:
    source = re.sub(r"(?s){% comment %}.*?{% endcomment %}", "", path.read_text())
    assert not re.search(r"\sstyle=|\son[a-z]+=\"|javascript:|hx-on|hx-vals=['\"]js:|<style", source)
    assert not [tag for tag in re.findall(r"<script[^>]*>", source) if " src=" not in tag]
    assert not re.search(r"(src|href)=\"(https?:)?//", source)
