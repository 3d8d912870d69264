"""A service with users of every role on a database of a test's own, and pages of it opened as one of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import Engine, update

from alerts.access.access import open_access
from alerts.access.passwords import Passwords
from alerts.database import writing
from alerts.shared_status import Said, Seen, say
from alerts.tables import UserRow
from alerts.vault import Vault
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.status import PipelineStatus
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.guard.door import Door
from foremend.service.guard.rates import Buckets
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.rights import Role

AXE = (Path(__file__).parent / "axe-core/axe.min.js").read_text("utf-8")
PASSWORD = "four plain words together"
NOW = 1_767_240_000_000
STATUS = PipelineStatus("running", True, 10, 100, 1, 2, 3, NOW, 50, 40, NOW - 1000)
SUBJECTS = {Role.OWNER: "owner-7", Role.TECHNICIAN: "kim"}
REFUSED = "400|403|404|409|412|422|502"
Open = Callable[..., Page]


@cache
def kept_password() -> str:
    """`PASSWORD` as it is stored; to hash it takes 0.3 s of CPU, and every test has seven users."""
    return Passwords().kept(PASSWORD)


@contextmanager
def service_of(tables: Engine, appliances: tuple[str, ...], **parts: Any) -> Iterator[str]:
    """The address of a service that heard of `appliances`, of rf-260; `parts` go to `Desks`."""
    seen = [Seen(one, "rf-260", "c", NOW, False, 0) for one in appliances]
    say(tables, Said("s", asdict(STATUS), NOW), seen)
    with served(tables, **parts) as address:
        yield address


@contextmanager
def served(tables: Engine, **parts: Any) -> Iterator[str]:
    """The address of a service of what stream `s` said in `tables`, with a user of each role; `parts` as above."""
    access = open_access(tables, Vault(Fernet.generate_key().decode()), SystemClock())
    for role in Role:
        access.users.create(role.value, role, "test", SUBJECTS.get(role))
    with writing(tables) as session:
        session.execute(update(UserRow).values(password=kept_password()))
    pipeline = SharedPipeline(tables, ("s",), SystemClock(), 2**60)
    model = ReadModel(tables, pipeline, load_profiles(), load_catalogue(), {})
    app = create_app(model, door=Door(access, False, Buckets(1e6), Buckets(1e6)), desks=Desks(**parts))
    with Server(app, "127.0.0.1", 0) as address:
        yield address


@contextmanager
def visits(browser: Browser, place: str, *, login: bool = True, refused: str = REFUSED) -> Iterator[Open]:
    """Opens a page as somebody, or as nobody; a test fails if anything on it went wrong but what was `refused`."""
    opened: list[BrowserContext] = []
    errors: list[str] = []

    def open_(path: str, role: Role | None = Role.AGENT, locale: str = "en-GB", width: int = 1280) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, locale=locale, timezone_id="Asia/Shanghai"
        )
        opened.append(context)
        if login and role is not None:
            user = {"name": role.value, "password": PASSWORD}
            answer = context.request.post(f"{place}/api/v1/session", data=user, headers={"Origin": place})
            assert answer.status == 204, answer.text()
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda one: errors.append(one.text) if one.type == "error" else None)
        page.goto(f"{place}/{path}")
        return page

    yield open_
    for context in opened:
        context.close()
    answers = re.compile(f"status of ({refused})")  # the browser's own word on an answer
    wrong = [one for one in errors if not answers.search(one)]
    assert wrong == [], wrong  # told: what pytest does not collect, it does not spell out


def serious(page: Page) -> list[str]:
    """What axe-core finds serious or critical."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in ("serious", "critical")
    ]


def sideways(page: Page) -> int:
    """How many pixels the page is wide."""
    return int(page.evaluate("document.documentElement.scrollWidth"))
