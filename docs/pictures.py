"""Takes the pictures of the console: runs the demo, waits until it is done, and photographs its pages.

python docs/pictures.py docs/images     (needs Chromium and the dev dependencies; about three minutes)
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright

PAGE = re.compile(r"http://127\.0\.0\.1:\d+")
DEMO = ["demo", "--port", "0", "--days", "90", "--appliances", "60", "--seed", "1"]


@dataclass(frozen=True)
class Picture:
    """The page's address, the link on it that leads to what is shown, what is there once it shows everything, and how
    much of it is shown (pixels)."""

    page: str
    there: str
    height: int
    follow: str | None = None


PICTURES = {
    "console": Picture("", ".cell", 1_000),
    "appliance": Picture("", "main canvas", 1_000, 'main a[href^="appliance.html"]'),
    "tickets": Picture("tickets.html", 'main a[href^="ticket.html"]', 820),
    "ticket": Picture("tickets.html", "main img", 1_000, 'main a[href^="ticket.html"]'),
    # above the list: its reasons say when, by the wall
    "held-back": Picture("held-back.html", "#found tbody tr", 630),
    "pipeline": Picture("pipeline.html", "section[aria-labelledby=pl_letters]", 1_000),
}
"""By file."""


def main(folder: Path) -> None:
    """Write the pictures into `folder`."""
    command = [sys.executable, "-m", "foremend", *DEMO]
    environment = os.environ | {"COLUMNS": "200"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as demo:
        page = wait_until_done(demo)
        photograph(page, folder)
        demo.send_signal(signal.SIGINT)


def wait_until_done(demo: subprocess.Popen[str]) -> str:
    """The page's address, once the demo has said that it is done."""
    address = ""
    assert demo.stderr is not None
    for line in demo.stderr:
        sys.stderr.write(line)
        found = PAGE.search(line)
        address = address or (found[0] if found else "")
        if line.startswith("what to try next"):
            return address
    raise SystemExit("the demo ended before it was done")


def photograph(address: str, folder: Path) -> None:
    """Each page as a manager sees it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"), args=["--no-sandbox"]
        )
        view = browser.new_page(viewport={"width": 1440, "height": 1000}, locale="en-GB")
        for name, one in PICTURES.items():
            view.goto(f"{address}/{one.page}")
            if one.follow is not None:
                view.locator(one.follow).first.click()
            view.locator(one.there).first.wait_for()
            view.wait_for_load_state("networkidle")
            when, shown = view.locator("main time"), {"x": 0, "y": 0, "width": 1_440, "height": one.height}
            view.screenshot(path=folder / f"{name}.png", mask=[when], mask_color="#ececea", clip=shown)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
