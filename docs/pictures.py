"""Takes the README's picture: runs the demo, waits until it is done, and photographs its page.

python docs/pictures.py docs/images/console.png     (needs Chromium and the dev dependencies; about three minutes)
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PAGE = re.compile(r"http://127\.0\.0\.1:\d+")
DEMO = ["demo", "--port", "0", "--days", "90", "--appliances", "60", "--seed", "1"]


def main(target: Path) -> None:
    """Write the picture to `target`."""
    command = [sys.executable, "-m", "foremend", *DEMO]
    environment = os.environ | {"COLUMNS": "200"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as demo:
        page = wait_until_done(demo)
        photograph(page, target)
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


def photograph(page: str, target: Path) -> None:
    """One picture of the page as a manager sees it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"), args=["--no-sandbox"]
        )
        view = browser.new_page(viewport={"width": 1440, "height": 1000}, locale="en-GB")
        view.goto(page)
        view.locator(".cell").first.wait_for()
        view.screenshot(path=target)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
