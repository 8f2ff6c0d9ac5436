"""Sessions: where people are signed in, how it ends, and that nobody holds on to one."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.utils import timezone

from portal import sessions, tasks
from portal.access import Role
from portal.actions import staff as staff_actions
from portal.models import AuditEntry, OpenSession, SecurityEvent, SecurityKind, Staff, Store, User
from tests.conftest import PASSWORD, make_user
from tests.portal.visitors import FIREFOX, SAFARI, Visitor, latest_event

pytestmark = pytest.mark.django_db
NEW = "several other words"
CHANGE = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
HOUR = 3600


@pytest.fixture
def desk(owner: User) -> Visitor:
    browser = Visitor("192.0.2.1", FIREFOX)
    browser.sign_in(owner.email)
    return browser


@pytest.fixture
def phone(owner: User) -> Visitor:
    browser = Visitor("198.51.100.4", SAFARI)
    browser.sign_in(owner.email)
    return browser


def test_the_page_tells_where_one_is_signed_in(desk: Visitor, phone: Visitor, stranger: User) -> None:
    Visitor("203.0.113.200").sign_in(stranger.email)
    page = desk.get("/accounts/sessions/").content.decode()
    for shown in ("Firefox on Windows", "192.0.2.1", "Safari on iPhone", "198.51.100.4", "This one", "End all others"):
        assert shown in page
    assert "203.0.113.200" not in page
    assert page.count("This one") == 1


def test_ending_one_ends_it_at_once_and_no_other(desk: Visitor, phone: Visitor) -> None:
    theirs = OpenSession.objects.get(session_key=phone.key)
    desk.post(f"/accounts/sessions/{theirs.pk}/end/")
    assert desk.is_in()
    assert not phone.is_in()
    assert phone.get("/s/maple/")["Location"].startswith("/accounts/login/")
    assert not Session.objects.filter(session_key=theirs.session_key).exists()


def test_ending_all_others_leaves_this_one(desk: Visitor, phone: Visitor, owner: User) -> None:
    third = Visitor("192.0.2.99")
    third.sign_in(owner.email)
    assert "signed out everywhere else" in desk.post("/accounts/sessions/end-others/", follow=True).content.decode()
    assert [browser.is_in() for browser in (desk, phone, third)] == [True, False, False]
    assert "signed in nowhere else" in desk.post("/accounts/sessions/end-others/", follow=True).content.decode()


def test_ending_this_one_signs_out(desk: Visitor) -> None:
    mine = OpenSession.objects.get(session_key=desk.key)
    assert desk.post(f"/accounts/sessions/{mine.pk}/end/")["Location"] == "/accounts/login/"
    assert not desk.is_in()
    assert not OpenSession.objects.exists()


def test_nobody_ends_the_session_of_another(desk: Visitor, stranger: User) -> None:
    theirs = Visitor("203.0.113.200")
    theirs.sign_in(stranger.email)
    row = OpenSession.objects.get(session_key=theirs.key)
    assert desk.post(f"/accounts/sessions/{row.pk}/end/").status_code == 404
    assert theirs.is_in()


@pytest.mark.parametrize("path", ["1/end/", "end-others/"])
def test_ending_wants_a_post(desk: Visitor, path: str) -> None:
    assert desk.get(f"/accounts/sessions/{path}").status_code == 405


def test_the_key_changes_at_sign_in_and_sign_out(owner: User) -> None:
    browser = Visitor()
    browser.get("/accounts/login/")
    session = browser.session
    session["planted"] = "by somebody else"
    session.save()
    planted = str(session.session_key)
    browser.cookies["coterie"] = planted
    browser.sign_in(owner.email)
    signed_in = browser.key
    assert signed_in != planted
    assert not Session.objects.filter(session_key=planted).exists()
    browser.post("/accounts/logout/")
    assert not Session.objects.filter(session_key=signed_in).exists()
    assert not OpenSession.objects.filter(session_key=signed_in).exists()
    thief = Visitor()
    thief.cookies["coterie"] = signed_in
    assert not thief.is_in()


def test_a_change_of_the_password_ends_the_others_and_changes_the_key(
    desk: Visitor, phone: Visitor, owner: User
) -> None:
    before = desk.key
    desk.post("/accounts/password/change/", CHANGE)
    assert desk.is_in()
    assert not phone.is_in()
    assert desk.key != before
    assert not Session.objects.filter(session_key=before).exists()
    owner.refresh_from_db()
    assert [session.session_key for session in sessions.of_user(owner)] == [desk.key]
    assert mail.outbox[-1].subject == "Your password was changed"
    assert latest_event(owner).kind == SecurityKind.PASSWORD_CHANGED


@pytest.mark.teeth
@pytest.mark.xfail(strict=True)
def test_teeth_without_the_ending_a_stolen_session_lives_on(
    desk: Visitor, phone: Visitor, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "end_all", lambda user, **_: 0)
    monkeypatch.setattr(User, "get_session_auth_hash", lambda self: "the same whatever the password")
    for browser in (desk, phone):
        browser.sign_in(owner.email)
    test_a_change_of_the_password_ends_the_others_and_changes_the_key(desk, phone, owner)


def test_a_password_that_an_admin_sets_ends_all_of_them(desk: Visitor, owner: User) -> None:
    owner.set_password(NEW)
    owner.save()
    assert not desk.is_in()
    assert sessions.of_user(owner) == []


def test_who_is_disabled_is_out_at_the_next_request(desk: Visitor, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert not desk.is_in()
    assert desk.get("/s/maple/").status_code == 302


def test_who_is_demoted_may_less_at_the_next_request(desk: Visitor, owner: User, store: Store) -> None:
    assert desk.get("/s/maple/settings/staff/").status_code == 200
    Staff.objects.for_store(store).filter(user=owner).update(role=Role.VIEWER)
    assert desk.get("/s/maple/settings/staff/").status_code == 403


def test_removal_from_the_last_store_ends_sessions_and_from_another_does_not(
    owner: User, store: Store, other_store: Store
) -> None:
    here = make_user("here@maple.example", viewer=store)
    both = make_user("both@maple.example", viewer=store)
    Staff.objects.create_for(other_store, user=both, role=Role.VIEWER)
    browsers = {user: Visitor() for user in (here, both)}
    for user, browser in browsers.items():
        browser.sign_in(user.email)
        staff_actions.remove(Staff.objects.for_store(store).get(user=user), actor=owner)
    assert [browser.is_in() for browser in browsers.values()] == [False, True]


def test_an_owner_signs_somebody_out(desk: Visitor, store: Store, viewer: User, owner: User) -> None:
    theirs = Visitor("203.0.113.9")
    theirs.sign_in(viewer.email)
    row = Staff.objects.for_store(store).get(user=viewer)
    answer = desk.post(f"/s/maple/settings/staff/{row.pk}/end-sessions/", follow=True)
    assert "is signed out everywhere" in answer.content.decode()
    assert not theirs.is_in()
    entry = AuditEntry.objects.for_store(store).order_by("-pk").first()
    assert entry is not None
    assert (entry.verb, entry.object_label, entry.actor) == ("signed out", viewer.email, owner)
    assert latest_event(viewer).note == "By an owner of Maple Coffee"


def test_the_staff_page_tells_who_has_two_steps_and_was_here_when(desk: Visitor, viewer: User) -> None:
    page = desk.get("/s/maple/settings/staff/").content.decode()
    assert "Two-step sign-in" in page
    assert "Never" in page  # the viewer
    assert "Just now" in page


def aged(browser: Visitor, *, began: float = 0, seen: float = 0) -> None:
    """The session began, and was last used, so many seconds earlier than it says."""
    session = browser.session
    session[sessions.BEGAN] -= began
    session[sessions.SEEN] -= seen
    session.save()


@pytest.mark.parametrize(("hours", "is_in"), [(11.5, True), (12.5, False)])
def test_a_session_that_nobody_uses_ends(desk: Visitor, hours: float, is_in: bool) -> None:
    aged(desk, seen=hours * HOUR)
    key = desk.key
    assert desk.is_in() is is_in
    assert Session.objects.filter(session_key=key).exists() is is_in


@pytest.mark.parametrize(("days", "is_in"), [(13.9, True), (14.1, False)])
def test_who_asked_to_stay_signed_in_stays_fourteen_days_however_busy(owner: User, days: float, is_in: bool) -> None:
    browser = Visitor()
    browser.sign_in(owner.email, remember="on")
    aged(browser, began=days * 24 * HOUR, seen=min(days, 13) * 24 * HOUR)
    assert browser.is_in() is is_in


def test_a_browser_that_closes_forgets_unless_asked_to_stay(owner: User) -> None:
    for remember, age in (({}, ""), ({"remember": "on"}, 14 * 24 * HOUR)):
        browser = Visitor()
        browser.sign_in(owner.email, **remember)
        assert browser.cookies["coterie"]["max-age"] == age


def test_use_is_noted_every_five_minutes_and_not_at_each_page(
    desk: Visitor, owner: User, django_assert_num_queries: Any
) -> None:
    hour_ago = timezone.now() - timedelta(hours=1)
    OpenSession.objects.update(seen_at=hour_ago)
    desk.get("/accounts/activity/")
    assert OpenSession.objects.get().seen_at == hour_ago
    aged(desk, seen=301)
    desk.get("/accounts/activity/", REMOTE_ADDR="192.0.2.222")
    used = OpenSession.objects.get()
    assert used.seen_at > hour_ago
    assert used.ip == "192.0.2.222"
    owner.refresh_from_db()
    assert owner.last_seen_at is not None
    with django_assert_num_queries(3):  # the session, the person, the events
        desk.get("/accounts/activity/")


def test_a_session_from_before_is_taken_over(client_of: Callable[..., Client], owner: User) -> None:
    client = client_of(owner)
    session = client.session
    del session[sessions.BEGAN]
    session.save()
    OpenSession.objects.all().delete()
    assert client.get("/accounts/sessions/").status_code == 200
    assert OpenSession.objects.get().user == owner
    assert client.session[sessions.BEGAN] == pytest.approx(time.time(), abs=60)


def test_a_new_device_is_told_and_a_known_one_is_not(owner: User) -> None:
    first = Visitor("192.0.2.1", FIREFOX)
    first.sign_in(owner.email)
    assert mail.outbox == []  # the first there ever was
    first.post("/accounts/logout/")
    first.sign_in(owner.email)
    assert mail.outbox == []
    Visitor("198.51.100.4", SAFARI).sign_in(owner.email)
    [letter] = mail.outbox
    assert letter.to == [owner.email]
    assert letter.subject == "A new device signed in to your account"
    assert "Safari on iPhone" in letter.body
    assert "198.51.100.4" in letter.body
    assert "http://testserver/accounts/password/reset/" in letter.body


def test_the_activity_is_ones_own(desk: Visitor, stranger: User) -> None:
    Visitor("203.0.113.200").sign_in(stranger.email, "wrong")
    page = desk.get("/accounts/activity/").content.decode()
    assert "Signed in" in page
    assert "203.0.113.200" not in page


def test_old_events_and_sessions_are_forgotten(desk: Visitor, owner: User) -> None:
    SecurityEvent.objects.create(user=owner, kind=SecurityKind.SIGNED_IN, at=timezone.now() - timedelta(days=91))
    kept = SecurityEvent.objects.create(user=owner, kind=SecurityKind.SIGNED_IN, at=timezone.now() - timedelta(days=89))
    gone = OpenSession.objects.create(user=owner, session_key="x", began_at=timezone.now() - timedelta(days=15))
    tasks.forget()
    assert not SecurityEvent.objects.filter(at__lt=kept.at).exists()
    assert not OpenSession.objects.filter(pk=gone.pk).exists()
    assert desk.is_in()


@pytest.mark.parametrize("path", ["sessions/", "activity/", "2fa/", "2fa/required/", "password/change/", "2fa/app/"])
def test_strangers_are_asked_to_sign_in(path: str) -> None:
    answer = Client().get(f"/accounts/{path}")
    assert answer.status_code == 302
    assert "/accounts/login/" in answer["Location"] or "/accounts/reauthenticate/" in answer["Location"]
