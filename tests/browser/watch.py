"""What nobody should ever see in a browser: complaints of its console, of the content policy, and of axe-core."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response

AXE = (Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js").read_text()
REFUSALS = {403, 404, 409, 410, 422}
"""What a page may answer with on purpose."""

REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`content policy: ${event.violatedDirective} refused ${event.blockedURI} ${event.sample}`);
});
"""

RUN_AXE = """
async (rules) => {
  const options = rules.length ? { runOnly: rules } : {};
  options.resultTypes = ["violations"];
  options.preload = false;
  const { violations } = await axe.run(document, options);
  return violations.map((found) => `${found.id}: ${found.help}\\n` + found.nodes.slice(0, 5).map(
    (node) => `    ${node.html.slice(0, 200)}\\n      ${node.failureSummary.replaceAll("\\n", " ")}`).join("\\n"));
}
"""

AT_REST = """
() => Promise.all(document.getAnimations().filter((each) => each.effect?.getTiming().iterations !== Infinity)
  .map((each) => each.finished.catch(() => null))).then(() => true)
"""

TOO_WIDE = """
() => {
  const found = [];
  const room = document.documentElement.clientWidth;
  const wide = document.scrollingElement.scrollWidth;
  if (wide > room) found.push(`the page is ${wide} px wide`);
  const scrolls = (element) => {
    for (let each = element; each && each !== document.body; each = each.parentElement) {
      if (/auto|scroll/.test(getComputedStyle(each).overflowX) || each.matches(".visually-hidden")) return true;
    }
    return false;
  };
  for (const element of document.body.querySelectorAll("*")) {
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height || box.right <= room + 1) continue;
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || scrolls(element)) continue;
    found.push(`${element.outerHTML.slice(0, 120)} ends at ${Math.round(box.right)} px of ${room}`);
  }
  return found.slice(0, 5);
}
"""


@dataclass
class Watch:
    """Listens to every page of a browser context; `problems` is what must stay empty."""

    host: str
    problems: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.problems.append(f"script error: {error.error}"))
        context.on("request", self._request)
        context.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # That a resource failed is judged by its response, which tells more.
        if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource"):
            self.problems.append(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in {"http", "https", "ws", "wss"} and address.netloc != self.host:
            self.problems.append(f"a request left the host: {request.url}")

    def _response(self, response: Response) -> None:
        is_page = response.request.is_navigation_request()
        if response.status >= 400 and not (is_page and response.status in REFUSALS):
            self.problems.append(f"{response.status} for {response.request.method} {response.url}")


def accessibility(page: Page, *rules: str) -> list[str]:
    """What axe-core finds wrong with the page as it stands now; all its rules, or the given ones."""
    page.evaluate(AT_REST)
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(AXE)
    found: list[str] = page.evaluate(RUN_AXE, list(rules))
    return found


def frame(page: Page) -> dict[str, Any]:
    """The page's title, its first-level headings, and what is wider than the screen."""
    page.evaluate(AT_REST)
    return {
        "title": page.title(),
        "headings": [text.strip() for text in page.locator("h1").all_inner_texts()],
        "wide": page.evaluate(TOO_WIDE),
    }
