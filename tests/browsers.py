"""The browser of the tests of pages, and what a page asks for and complains of."""

import shutil

from playwright.sync_api import Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ANSWERED = 30_000  # ms within which something must show on a busy machine


def watched(page: Page) -> tuple[list[str], list[str]]:
    """Addresses that the page asks for, and errors in its console, as they come; it answers within ``ANSWERED``."""
    page.set_default_timeout(ANSWERED)
    asked: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    return asked, problems
