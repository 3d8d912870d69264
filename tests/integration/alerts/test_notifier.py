"""A household's own notifier over real HTTP: Apprise speaks to a server that takes what ntfy's JSON endpoint takes."""

from __future__ import annotations

import json
import logging
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from alerts.channels import Message
from alerts.dispatch import open_channels
from alerts.notifier import Notifier, NotifierChannel, SmsGateway, plugin_of
from alerts.settings import AlertsSettings
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.errors import ConfigError, MissingExtraError, RefusedError, UnavailableError
from foremend.vocabulary.types import Finding, Purpose
from tests.integration.alerts.test_webhook import self_signed

TOPIC = "topic-that-nobody-guesses"
MESSAGE = Message(
    "nt_1", "foremend.warning", "The freezer stopped\n1. Look at the plug", appliance_id="freezer-2"
)


class Ntfy:
    """Takes a JSON object by POST and answers what it is told to; `waits` holds every answer back."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.status, self.location = 200, ""
        self.answer: dict[str, Any] = {"id": "x", "event": "message", "error": "forbidden"}
        self.endless = b""  # what it answers again and again, for ever
        self.broken_off = threading.Event()
        self.waits = threading.Event()
        self.asked = threading.Event()
        self.go_on = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def speak_tls(self, certificate: Path) -> None:
        """From the next connection on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def close(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        ntfy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                ntfy.asked.set()
                if ntfy.waits.is_set():
                    ntfy.go_on.wait()
                ntfy.taken.append(body)
                if ntfy.endless:
                    self._never_end()
                    return
                with suppress(OSError):  # who broke off hears nothing
                    self._answer()

            def _answer(self) -> None:
                self.send_response(ntfy.status)
                if ntfy.location:
                    self.send_header("Location", ntfy.location)
                answer = json.dumps(ntfy.answer).encode()
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def _never_end(self) -> None:
                self.send_response(200)
                self.end_headers()
                try:
                    while not ntfy.go_on.wait(0.01):
                        self.wfile.write(ntfy.endless)
                except OSError:
                    ntfy.broken_off.set()
                self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        return Handler


@pytest.fixture
def make_ntfy() -> Iterator[Callable[[], Ntfy]]:
    """Servers on free ports, closed at the end."""
    made: list[Ntfy] = []

    def make() -> Ntfy:
        made.append(Ntfy())
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def ntfy(make_ntfy: Callable[[], Ntfy]) -> Ntfy:
    return make_ntfy()


@pytest.fixture
def channel(ntfy: Ntfy, monkeypatch: pytest.MonkeyPatch) -> Callable[..., NotifierChannel]:
    """Channels to that server, by a line in the environment."""

    def make(host: str = "127.0.0.1", **settings: Any) -> NotifierChannel:
        monkeypatch.setenv("NOTIFY", f"ntfy://{host}:{ntfy.port}/{TOPIC}")
        found = Notifier(**{"url_env": "NOTIFY", "allow_private": True} | settings).open("push")
        assert isinstance(found, NotifierChannel)
        return found

    return make


def test_a_message_arrives_with_the_appliance_for_a_title(
    ntfy: Ntfy, channel: Callable[..., NotifierChannel]
) -> None:
    """Of two freezers one knows which; the text is as it was written, with its advice."""
    channel().send(MESSAGE)

    [taken] = ntfy.taken
    assert taken["topic"] == TOPIC
    assert taken["title"] == "Foremend: freezer-2"
    assert taken["message"] == MESSAGE.body


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_what_is_refused_is_asked_again_and_says_why(
    ntfy: Ntfy, channel: Callable[..., NotifierChannel], status: int
) -> None:
    """A wrong token may be mended, a server comes back: it is for the dispatcher to try again."""
    ntfy.status = status

    with pytest.raises(UnavailableError, match=f"^ntfy: answered {status}$"):
        channel().send(MESSAGE)


@pytest.mark.parametrize("status", [200, 401, 500, None])
def test_the_line_is_never_logged(
    ntfy: Ntfy,
    channel: Callable[..., NotifierChannel],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    status: int | None,
) -> None:
    """Neither its topic nor its address, whatever becomes of the message and however much is logged."""
    caplog.set_level(logging.DEBUG)
    sender = channel()
    if status is None:
        ntfy.close()
    else:
        ntfy.status = status

    try:
        sender.send(MESSAGE)
        said = ""
    except UnavailableError as error:
        said = str(error)

    everything = said + caplog.text + "".join(capfd.readouterr())
    assert TOPIC not in everything
    assert str(ntfy.port) not in everything


def test_a_receiver_that_never_answers_has_a_deadline(
    ntfy: Ntfy, channel: Callable[..., NotifierChannel]
) -> None:
    """Each message has it anew; what still hangs beyond it has no second one sent beside it."""
    ntfy.waits.set()
    sender = channel(timeout="50 ms")

    with pytest.raises(UnavailableError, match="no answer within 50 ms"):
        sender.send(MESSAGE)
    with pytest.raises(UnavailableError, match=r"an earlier message still hangs|no answer within 50 ms"):
        sender.send(MESSAGE)


@pytest.mark.parametrize("again", [b"x", b"x" * 1_000_000])
def test_an_answer_that_never_ends_does_not_keep_the_channel(
    ntfy: Ntfy, channel: Callable[..., NotifierChannel], again: bytes
) -> None:
    """By the byte or by the megabyte: it is broken off at the deadline, and the next message arrives."""
    ntfy.endless = again
    sender = channel(timeout="200 ms")
    with pytest.raises(UnavailableError, match="no answer within 200 ms"):
        sender.send(MESSAGE)

    assert ntfy.broken_off.wait(60)
    sender._courier.wait()
    ntfy.endless = b""
    sender._courier.longest = 60_000
    sender.send(MESSAGE)

    assert len(ntfy.taken) == 2


def test_a_stop_breaks_off_what_hangs(ntfy: Ntfy, channel: Callable[..., NotifierChannel]) -> None:
    """Who waits for the answer waits no more, and nothing is begun any more."""
    ntfy.waits.set()
    sender, said = channel(), []

    def send() -> None:
        try:
            sender.send(MESSAGE)
        except UnavailableError as error:
            said.append(str(error))

    thread = threading.Thread(target=send)
    thread.start()
    assert ntfy.asked.wait(20)
    sender.cut()
    thread.join()
    ntfy.go_on.set()

    assert said == ["broken off: Foremend stops"]
    with pytest.raises(UnavailableError):
        sender.send(MESSAGE)


def test_a_private_address_is_refused_unless_allowed(
    ntfy: Ntfy, channel: Callable[..., NotifierChannel]
) -> None:
    """As for webhooks: one that stands in the line at the start, one that a name leads to as it is connected to."""
    with pytest.raises(ConfigError, match="private address; set allow_private"):
        channel(allow_private=False)

    by_name = channel("localhost", allow_private=False)
    with pytest.raises(UnavailableError, match="private address; set allow_private"):
        by_name.send(MESSAGE)

    assert ntfy.taken == []


def test_a_private_address_is_refused_to_this_sender_alone(
    ntfy: Ntfy, channel: Callable[..., NotifierChannel]
) -> None:
    """The guard is of one thread and one message: others of the process connect as they did."""
    guarded, allowed = channel("localhost", allow_private=False), channel()

    with pytest.raises(UnavailableError):
        guarded.send(MESSAGE)
    allowed.send(MESSAGE)

    assert len(ntfy.taken) == 1


def test_nobody_is_sent_elsewhere(
    ntfy: Ntfy, channel: Callable[..., NotifierChannel], make_ntfy: Callable[[], Ntfy]
) -> None:
    """A redirect is an answer, not an order."""
    other = make_ntfy()
    ntfy.status, ntfy.location = 307, f"http://127.0.0.1:{other.port}/"

    with pytest.raises(UnavailableError, match="answered 307"):
        channel().send(MESSAGE)

    assert other.taken == []


def test_a_server_whose_certificate_is_not_looked_at_is_named_nowhere(
    ntfy: Ntfy,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """`?verify=no`, as for a server at home with a certificate of its own: urllib3 would warn, with the host's name."""
    certificate = tmp_path / "own.pem"
    certificate.write_bytes(self_signed("localhost"))
    ntfy.speak_tls(certificate)
    monkeypatch.setenv("NOTIFY", f"ntfys://127.0.0.1:{ntfy.port}/{TOPIC}?verify=no")

    Notifier(url_env="NOTIFY", allow_private=True).open("push").send(MESSAGE)

    assert [taken["topic"] for taken in ntfy.taken] == [TOPIC]
    assert "127.0.0.1" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "line", ["hunter2", "https//ntfy.sh/hunter2", "hunter2://hunter2", "tgram://hunter2"]
)
def test_a_line_that_nobody_understands_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], line: str
) -> None:
    """With examples of lines that are understood."""
    monkeypatch.setenv("NOTIFY", line)

    with pytest.raises(ConfigError, match=r"^alerts\.push\.url: .* looks like ntfys://") as refused:
        Notifier(url_env="NOTIFY").open("push")

    assert "hunter2" not in str(refused.value) + "".join(capfd.readouterr())


def test_a_line_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the variable."""
    monkeypatch.delenv("NOTIFY", raising=False)

    with pytest.raises(ConfigError, match=r"alerts\.push\.url_env: NOTIFY holds no url"):
        Notifier(url_env="NOTIFY").open("push")


def test_without_the_extra_the_sentence_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no Apprise is told how to get it."""
    monkeypatch.setenv("NOTIFY", "ntfys://ntfy.sh/x")
    monkeypatch.setitem(sys.modules, "apprise", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'foremend\[notify\]'"):
        Notifier(url_env="NOTIFY").open("push")


@pytest.mark.parametrize(("name", "purpose"), [("push", Purpose.PUSH), ("email", Purpose.EMAIL)])
def test_consent_is_asked_before_each_message(
    open_stage: Callable[..., Any],
    finding: Callable[..., Finding],
    ntfy: Ntfy,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    purpose: Purpose,
) -> None:
    """One line in the settings sends nothing by itself: the owner says yes, and may say no again."""
    monkeypatch.setenv("NOTIFY", f"ntfy://127.0.0.1:{ntfy.port}/{TOPIC}")
    others: dict[str, Any] = {"sms": None, "push": None, "email": None}
    settings = others | {name: {"url_env": "NOTIFY", "allow_private": True}}
    sender = open_channels(AlertsSettings(**settings), SystemClock(), {})[name]
    stage = open_stage(**settings)
    monkeypatch.setattr(stage.channels[name], "send", sender.send)
    stage.alerts.owners.register_owners([_household(name)])

    stage.alerts.effects.apply([finding()], [], 1)
    stage.alerts.dispatcher.run_once()
    before = len(ntfy.taken)
    stage.say(purpose, True)
    stage.alerts.effects.apply([finding(episode_start=finding().episode_start + 1)], [], 2)
    stage.alerts.dispatcher.run_once()
    with_consent = len(ntfy.taken)
    stage.clock.now += 1
    stage.say(purpose, False)
    stage.alerts.effects.apply([finding(episode_start=finding().episode_start + 2)], [], 3)
    stage.alerts.dispatcher.run_once()

    assert (before, with_consent, len(ntfy.taken)) == (0, 1, 1)


def _household(name: str) -> Any:
    from alerts.owners import Owner

    return Owner("o-1", {name: "household"})


NUMBER = "+4915112345678"
SERVICES = {
    "Twilio": "twilio://AC" + "a" * 32 + ":" + "b" * 32 + "@+15005550006/{to}",
    "Vonage": "vonage://abcdefgh:abcdefghijklmnop@15005550006/{to}",
    "Sinch": "sinch://" + "a" * 32 + ":" + "b" * 32 + "@+15005550006/{to}",
    "Plivo": "plivo://" + "A" * 25 + "@" + "b" * 40 + "/+15005550006/{to}",
    "ClickSend": "clicksend://user:key@{to}",
    "BulkSMS": "bulksms://user:password@{to}?unicode=yes",
    "SMS Eagle": "smseagles://token@eagle.example.com/{to}",
}
"""Some of the services that SMS leave by, each in docs/owners.md."""


@pytest.fixture
def gateway(make_ntfy: Callable[[], Ntfy], monkeypatch: pytest.MonkeyPatch) -> tuple[Ntfy, Any]:
    """A box that sends SMS in one's own network, and the channel to it."""
    box = make_ntfy()
    box.answer = {"result": {"message_id": 1, "status": "ok"}}
    monkeypatch.setenv("SMS", f"smseagle://token@127.0.0.1:{box.port}/{{to}}")
    return box, SmsGateway(url_env="SMS", allow_private=True).open("sms")


def test_an_sms_goes_to_the_number_of_its_own_owner(gateway: tuple[Ntfy, Any]) -> None:
    """Not to one place for all; its text is as it was made to fit, without a title."""
    box, channel = gateway
    for number in (NUMBER, "+33612345678"):
        channel.send(
            Message("nt_1", "foremend.warning", "The freezer stopped.", number, subject="freezer: stopped")
        )

    assert [one["params"]["to"].lstrip("+") for one in box.taken] == ["4915112345678", "33612345678"]
    assert {one["params"]["message"] for one in box.taken} == {"The freezer stopped."}


def test_what_a_gateway_refuses_is_told_without_the_number(gateway: tuple[Ntfy, Any]) -> None:
    box, channel = gateway
    box.status = 401

    with pytest.raises(UnavailableError, match="401") as error:
        channel.send(Message("nt_1", "foremend.warning", "The freezer stopped.", NUMBER))

    assert NUMBER.lstrip("+") not in str(error.value)


@pytest.mark.parametrize(
    "address", ["", "household", "4915112345678", NUMBER + "/+33612345678", NUMBER + "?x=1"]
)
def test_what_is_no_number_never_becomes_part_of_a_line(gateway: tuple[Ntfy, Any], address: str) -> None:
    """It could name others to send to, or other settings."""
    box, channel = gateway

    with pytest.raises(RefusedError, match="none that an SMS can be sent to"):
        channel.send(Message("nt_1", "foremend.warning", "The freezer stopped.", address))

    assert box.taken == []


def test_a_line_without_a_place_for_the_number_is_refused_at_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """All messages would go to one number."""
    monkeypatch.setenv("SMS", "clicksend://user:key@" + NUMBER)

    with pytest.raises(ConfigError, match=r"alerts\.sms\.url: the line has no \{to\}") as error:
        SmsGateway(url_env="SMS").plugin("alerts.sms.url")

    assert NUMBER not in str(error.value)


@pytest.mark.parametrize("name", SERVICES)
def test_services_for_sms_take_the_number_where_the_docs_have_it(name: str) -> None:
    """As Apprise understands the line, the number is whom it sends to; and the docs have that very line."""
    found = plugin_of("alerts.sms.url", SERVICES[name].replace("{to}", NUMBER))

    assert found.service_name.replace(" ", "").lower() == name.replace(" ", "").lower()
    assert "4915112345678" in found.url()
    scheme = SERVICES[name].partition(":")[0]
    docs = (Path(__file__).parents[3] / "docs" / "owners.md").read_text(encoding="utf-8")
    assert f"`{scheme}://" in docs
