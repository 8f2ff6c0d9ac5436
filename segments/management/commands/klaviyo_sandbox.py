"""`manage.py klaviyo_sandbox`: a stand-in for Klaviyo on this machine."""

from __future__ import annotations

from portal.demo_outside import KLAVIYO_KEY
from segments.sandbox.klaviyo import KlaviyoSandbox
from segments.sandbox.people import CROWD, furnish_klaviyo
from segments.sandbox.running import SandboxCommand, groups_of


class Command(SandboxCommand[KlaviyoSandbox]):
    help = "Serves a strict stand-in for Klaviyo on 127.0.0.1, with the demo's customers in its lists, until Ctrl-C."
    port = 8085
    variable = "KLAVIYO_API_URL"
    typed = f"private key  {KLAVIYO_KEY}"

    def make(self, port: int, limits: bool, crowd: int) -> KlaviyoSandbox:
        klaviyo = KlaviyoSandbox(port=port, limits=limits)
        furnish_klaviyo(klaviyo)
        if crowd:
            klaviyo.list("Cr0wd1", CROWD, crowd)
        return klaviyo

    def serves(self, sandbox: KlaviyoSandbox) -> str:
        return groups_of(sandbox)
