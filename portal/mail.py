"""Letters to staff. Sending is slow and can fail: never call it inside a transaction."""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urljoin

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse

from portal.models import Invitation, User

log = structlog.get_logger(__name__)


class Delivery(StrEnum):
    SENT = "sent"
    FAILED = "failed"
    NOT_SET_UP = "not_set_up"
    """There is no mail server: letters are kept in a file."""


def invitation_link(token: str) -> str:
    """The whole address, at the installation's own name and never at that of a request's Host header."""
    return urljoin(f"{settings.PUBLIC_URL}/", reverse("invitation", args=(token,)))


def send_invitation(invitation: Invitation, token: str, *, actor: User) -> Delivery:
    """Send the link to the person who is invited. Raises nothing: the link can be passed on in other ways."""
    context = {"invitation": invitation, "actor": actor, "link": invitation_link(token)}
    subject = " ".join(render_to_string("portal/mail/invitation_subject.txt", context).split())
    letter = EmailMessage(subject, render_to_string("portal/mail/invitation.txt", context), to=[invitation.email])
    try:
        letter.send()
    except (OSError, ValueError) as error:
        log.warning("mail_failed", invitation=invitation.pk, error=type(error).__name__)
        return Delivery.FAILED
    local = settings.EMAIL_BACKEND.endswith(("filebased.EmailBackend", "console.EmailBackend"))
    return Delivery.NOT_SET_UP if local else Delivery.SENT
