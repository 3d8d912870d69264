#!/usr/bin/env bash
# A page that is kept open goes on showing an old picture, though the server forbids to store it.
#
# What surprises: a script makes a new <img> with the address of one that the document has shown, and Chromium shows the
# old picture without asking the server, although the answer said `Cache-Control: no-store`. It does so when the address
# differs behind `#` alone, and when the old element is no longer in the document. Another query asks again.
# The HTML standard allows it ("list of available images", keyed by the address); headers of HTTP have no say in it.
#
# Versions: Debian's Chromium 156 (by its own name), Playwright 1.65.2 from PyPI, Python 3.11. Seen 2026-11-30:
# widths 100, 100, 100, 400 of pictures that the server had made 100, 200, 300, 400 wide; it was asked twice.
# Who meets it: whoever redraws charts or QR codes of a live page from an address that stays the same.
#
# Needs python3 with venv, and chromium on the PATH. Installs into a folder that it removes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check "playwright==1.65.2"
"$place/venv/bin/python" - <<'PY'
import http.server
import shutil
import threading

from playwright.sync_api import sync_playwright

asked = []


class Server(http.server.BaseHTTPRequestHandler):
    """Each picture is 100 wider than the one before, as the page says by `made`; none may be stored."""

    made = 0

    def log_message(self, *_):
        pass

    def do_GET(self):
        picture = self.path.startswith("/picture")
        body = b"<p id=place></p>"
        if picture:
            asked.append(self.path)
            body = b'<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="9"/>' % (100 * Server.made)
        self.send_response(200)
        self.send_header("Content-Type", "image/svg+xml" if picture else "text/html")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


SHOW = """address => new Promise(told => {
  const place = document.getElementById("place"), image = new Image();
  place.replaceChildren();
  setTimeout(() => {
    image.onload = () => told(image.naturalWidth);
    image.src = address;
    place.replaceChildren(image);
  }, 100);
})"""

with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        print("Chromium", browser.version)
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        widths = []
        for address in ("picture?of=1", "picture?of=1", "picture?of=1#newer", "picture?of=1&again=2"):
            Server.made += 1
            widths.append(page.evaluate(SHOW, address))
            print(f"{address}: made {100 * Server.made} wide, shown {widths[-1]}; asked {len(asked)} times")
        browser.close()
    server.shutdown()
assert widths == [100, 100, 100, 400], widths
assert len(asked) == 2, asked
PY
echo "as seen"
