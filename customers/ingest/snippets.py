"""What a person copies into an app so that it sends here: lines for the libraries, with our address and the key."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from customers.models import WayIn, WayInKind

PLACEHOLDER = "YOUR_KEY"


@dataclass(frozen=True)
class Snippet:
    """Lines to copy; `id` is that of the element which holds them."""

    id: str
    title: str
    text: str


def of(way_in: WayIn, key: str = PLACEHOLDER) -> list[Snippet]:
    """The lines for a way in, with its key while that is known."""
    host = settings.PUBLIC_URL
    if way_in.kind == WayInKind.SEGMENT:
        return [
            Snippet("python", "Python (segment-analytics-python)", _SEGMENT_PYTHON.format(key=key, host=host)),
            Snippet("node", "Node (@segment/analytics-node)", _SEGMENT_NODE.format(key=key, host=host)),
            Snippet("curl", "By hand", _SEGMENT_CURL.format(key=key, host=host)),
        ]
    if way_in.kind == WayInKind.AMPLITUDE:
        return [
            Snippet("python", "Python (amplitude-analytics)", _AMPLITUDE_PYTHON.format(key=key, host=host)),
            Snippet("node", "Node (@amplitude/analytics-node)", _AMPLITUDE_NODE.format(key=key, host=host)),
            Snippet("curl", "By hand", _AMPLITUDE_CURL.format(key=key, host=host)),
        ]
    return []


_SEGMENT_PYTHON = """from segment.analytics import Client

analytics = Client("{key}", host="{host}/segment")
analytics.identify("user-1", {{"email": "anna@example.com"}})
analytics.track("user-1", "Logged In")
analytics.flush()
"""
_SEGMENT_NODE = """import {{ Analytics }} from "@segment/analytics-node";

const analytics = new Analytics({{ writeKey: "{key}", host: "{host}", path: "/segment/v1/batch" }});
analytics.identify({{ userId: "user-1", traits: {{ email: "anna@example.com" }} }});
analytics.track({{ userId: "user-1", event: "Logged In" }});
await analytics.closeAndFlush();
"""
_SEGMENT_CURL = """curl {host}/segment/v1/track -u {key}: -H "Content-Type: application/json" \\
  -d '{{"userId": "user-1", "event": "Logged In"}}'
"""
_AMPLITUDE_PYTHON = """from amplitude import Amplitude, BaseEvent

client = Amplitude("{key}")
client.configuration.server_url = "{host}/2/httpapi"
client.track(BaseEvent(event_type="Logged In", user_id="user-1"))
client.flush()
"""
_AMPLITUDE_NODE = """import {{ init, track, flush }} from "@amplitude/analytics-node";

init("{key}", {{ serverUrl: "{host}/2/httpapi" }});
track("Logged In", undefined, {{ user_id: "user-1" }});
await flush().promise;
"""
_AMPLITUDE_CURL = """curl {host}/2/httpapi -H "Content-Type: application/json" \\
  -d '{{"api_key": "{key}", "events": [{{"user_id": "user-1", "event_type": "Logged In"}}]}}'
"""
