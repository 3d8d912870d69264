"""SMS in mainland China: Alibaba Cloud's own SDK speaks over real TLS to a server that answers as its service does.

The answers have the shape and the codes that the service's documentation has ("SendSms", "API error codes").
"""

from __future__ import annotations

import io
import json
import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from alerts import queries
from alerts.channels import Message, TryLaterError
from alerts.mainland_sms import MainlandSms
from alerts.settings import AlertsSettings
from alerts.words.blanks import Blanks
from foremend.vocabulary.errors import ConfigError, RefusedError, UnavailableError
from foremend.vocabulary.schema import validated
from foremend.vocabulary.types import Finding, Purpose
from tests.integration.alerts.test_webhook import self_signed

NUMBER, SECRET = "13900001234", "a-secret-of-nobody"
SOON = {"code": "SMS_100000001", "text": "您的${appliance}：${wrong}，${when}可能故障。${do}"}
BLANKS = Blanks(
    "soon",
    {"appliance": "厨房冰箱", "wrong": "箱门漏气", "when": "约3天后", "do": "请关严箱门。", "stop": ""},
)
WARNING = Message("nt_1", "foremend.warning", "in full", "+86" + NUMBER, "en", 1, "fridge-1", blanks=BLANKS)
TAKEN = {"Code": "OK", "Message": "OK", "BizId": "9006^0", "RequestId": "C0A0BE93"}


class Service:
    """Takes what is asked, and answers what it is told to; `waits` holds every answer back."""

    def __init__(self, certificate: Path) -> None:
        self.asked: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.clients: list[int] = []
        self.status, self.answer = 200, json.dumps(TAKEN)
        self.waits, self.go_on = threading.Event(), threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def says(self, code: str, status: int = 200) -> None:
        """That it takes no message; its words name the number, as words of strangers may."""
        self.status = status
        self.answer = json.dumps({"Code": code, "Message": f"not {NUMBER}", "RequestId": "C0A0BE93"})

    def close(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # keeps a connection, as the service does

            def do_POST(self) -> None:
                said = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                service.asked.append(dict(parse_qsl(urlsplit(self.path).query) + parse_qsl(said)))
                service.headers.append(dict(self.headers))
                service.clients.append(self.client_address[1])
                if service.waits.is_set():
                    service.go_on.wait()
                self.send_response(service.status)
                self.send_header("Content-Length", str(len(service.answer.encode())))
                self.end_headers()
                self.wfile.write(service.answer.encode())

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        return Handler


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """On `localhost`, whose certificate the system trusts."""
    path = tmp_path / "sms.pem"
    path.write_bytes(self_signed("localhost"))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.setenv("SMS_SECRET", SECRET)
    found = Service(path)
    yield found
    found.close()


def settings(**chosen: Any) -> MainlandSms:
    usual = {
        "sign_name": "海风电器",
        "access_key_id": "LTAI-of-nobody",
        "access_key_secret_env": "SMS_SECRET",
        "templates": {"soon": SOON},
        "allow_private": True,
    }
    return MainlandSms.model_validate(usual | chosen)


@pytest.fixture
def channel(service: Service) -> Callable[..., Any]:
    """Channels to that service."""
    return lambda **chosen: settings(**{"endpoint": f"localhost:{service.port}"} | chosen).open("sms")


def test_a_warning_is_an_approved_template_with_its_blanks_filled(
    service: Service, channel: Callable[..., Any]
) -> None:
    """What stands in the template's text, and no word more; signed, and never with the secret."""
    channel().send(WARNING)

    [asked] = service.asked
    assert json.loads(asked["TemplateParam"]) == {
        "appliance": "厨房冰箱",
        "wrong": "箱门漏气",
        "when": "约3天后",
        "do": "请关严箱门。",
    }
    assert asked["PhoneNumbers"] == NUMBER
    assert (asked["SignName"], asked["TemplateCode"]) == ("海风电器", "SMS_100000001")
    assert asked["OutId"] == "nt_1"
    [headers] = service.headers
    assert headers["x-acs-action"] == "SendSms"
    assert headers["Authorization"].startswith("ACS3-HMAC-SHA256 Credential=LTAI-of-nobody,")
    assert SECRET not in str(asked) + str(headers)


@pytest.mark.parametrize(
    "code",
    [
        "isv.MOBILE_NUMBER_ILLEGAL",
        "isv.DOMESTIC_NUMBER_NOT_SUPPORTED",
        "isv.BLACK_KEY_CONTROL_LIMIT",
        "isv.SMS_CONTENT_ILLEGAL",
        "isv.PARAM_LENGTH_LIMIT",
        "isv.PARAM_NOT_SUPPORT_URL",
        "isv.TEMPLATE_PARAMS_ILLEGAL",
    ],
)
def test_what_is_wrong_with_one_message_is_not_asked_again(
    service: Service, channel: Callable[..., Any], code: str
) -> None:
    service.says(code)

    with pytest.raises(RefusedError, match=code) as error:
        channel().send(WARNING)

    assert NUMBER not in str(error.value)
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("code", "status", "wait"),
    [
        ("isv.BUSINESS_LIMIT_CONTROL", 200, 3_600_000),
        ("isv.DAY_LIMIT_CONTROL", 200, 4 * 3_600_000),
        ("isv.MONTH_LIMIT_CONTROL", 200, 24 * 3_600_000),
        ("Throttling.User", 400, 60_000),
        ("Throttling.Api", 400, 60_000),
    ],
)
def test_a_bound_of_the_service_is_waited_for(
    service: Service, channel: Callable[..., Any], code: str, status: int, wait: int
) -> None:
    service.says(code, status)

    with pytest.raises(TryLaterError, match=code) as error:
        channel().send(WARNING)

    assert error.value.wait == wait
    assert NUMBER not in str(error.value)
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("isv.SMS_TEMPLATE_ILLEGAL", 200),
        ("isv.SMS_SIGNATURE_ILLEGAL", 200),
        ("isv.TEMPLATE_MISSING_PARAMETERS", 200),
        ("isv.AMOUNT_NOT_ENOUGH", 200),
        ("isv.OUT_OF_SERVICE", 200),
        ("isp.RAM_PERMISSION_DENY", 200),
        ("isp.SYSTEM_ERROR", 200),
        ("isv.OF_NEXT_YEAR", 200),
        ("InvalidAccessKeyId.NotFound", 404),
        ("SignatureDoesNotMatch", 400),
        ("ServiceUnavailable", 503),
    ],
)
def test_what_a_person_can_mend_is_tried_again(
    service: Service, channel: Callable[..., Any], code: str, status: int
) -> None:
    """A template, money, a right; and a code that nobody here knows."""
    service.says(code, status)

    with pytest.raises(UnavailableError, match=code) as error:
        channel().send(WARNING)

    assert NUMBER not in str(error.value)
    assert len(service.asked) == 1


@pytest.mark.parametrize("answer", ["", "<html>busy</html>", "{}", "[]", '{"Code": null}'])
def test_an_answer_that_is_none_is_tried_again(
    service: Service, channel: Callable[..., Any], answer: str
) -> None:
    """It says neither yes nor no; nothing of it is repeated."""
    service.answer = answer

    with pytest.raises(UnavailableError) as error:
        channel().send(WARNING)

    assert "busy" not in str(error.value)


def test_a_service_that_never_answers_is_left_at_the_deadline(
    service: Service, channel: Callable[..., Any]
) -> None:
    service.waits.set()

    with pytest.raises(UnavailableError, match="300 ms"):
        channel(timeout="300 ms").send(WARNING)


@pytest.mark.parametrize(
    "address", ["+4915112345678", "13900001234", "+8601012345678", "+86139000012３4", ""]
)
def test_a_number_of_another_country_is_refused_before_anybody_is_asked(
    service: Service, channel: Callable[..., Any], address: str
) -> None:
    """Without the number."""
    with pytest.raises(RefusedError, match="mainland China") as error:
        channel().send(Message("nt_2", "foremend.warning", "in full", address, blanks=BLANKS))

    assert not address or address not in str(error.value)
    assert service.asked == []


@pytest.mark.parametrize(("blanks", "named"), [(None, "like this"), (Blanks("harm", {}), "'harm'")])
def test_a_message_without_a_template_is_set_aside_with_the_reason(
    service: Service, channel: Callable[..., Any], blanks: Blanks | None, named: str
) -> None:
    with pytest.raises(RefusedError, match=f"templates has none for .*{named}"):
        channel().send(Message("nt_3", "foremend.warning", "in full", "+86" + NUMBER, blanks=blanks))

    assert service.asked == []


def test_no_connection_is_kept_that_a_later_message_could_hang_on(
    service: Service, channel: Callable[..., Any]
) -> None:
    """What was opened for an earlier message is watched no more: nobody could break it off at the deadline."""
    one = channel()
    for _ in range(3):
        one.send(WARNING)

    assert len(set(service.clients)) == 3


def test_nothing_below_it_writes_the_number_anywhere(
    service: Service,
    channel: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither at the chattiest level, nor where the SDK is told to debug itself."""
    monkeypatch.setenv("DEBUG", "sdk")
    root, heard = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(heard)
    root.addHandler(handler)
    with caplog.at_level(logging.DEBUG):
        channel().send(WARNING)
    root.removeHandler(handler)

    written = caplog.text + heard.getvalue() + "".join(capfd.readouterr())
    assert NUMBER not in written
    assert SECRET not in written


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        (
            {"templates": {"soon": SOON | {"text": "您的${fridge}"}}},
            "has the blank 'fridge'; there are appliance,",
        ),
        ({"templates": {"now": SOON}}, "templates.now has the blank 'when'"),
        ({"templates": {}}, "at least 1"),
        ({"templates": {"soon": SOON | {"text": "付款 $5"}}}, "begins no blank"),
        ({"templates": {"soon": SOON | {"code": "100000001"}}}, "templates.soon.code"),
        ({"templates": {"tomorrow": SOON}}, "templates.tomorrow"),
        (
            {"templates": {"soon": SOON | {"text": "退订 https://m.example.cn/s/${stop}"}}},
            "which stop_url fills",
        ),
        ({"sign_name": "【海风】"}, "sign_name"),
        ({"access_key_secret_env": None}, "one of them"),
        ({"access_key_secret_file": "x"}, "one of them"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_check(chosen: dict[str, Any], why: str) -> None:
    usual = {"sign_name": "海风电器", "access_key_id": "LTAI", "access_key_secret_env": "SMS_SECRET"}
    written = {"sms": usual | {"templates": {"soon": SOON}} | chosen}

    with pytest.raises(ConfigError) as error:
        validated(AlertsSettings, written, "config.yaml")

    assert why in str(error.value)


def test_a_secret_that_is_not_there_and_a_private_endpoint_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMS_SECRET", raising=False)
    with pytest.raises(ConfigError, match="SMS_SECRET holds no access_key_secret"):
        settings().check("alerts.sms")
    with pytest.raises(ConfigError, match=r"alerts\.sms\.endpoint"):
        settings(endpoint="127.0.0.1:443", allow_private=False).check("alerts.sms")


def test_a_preview_shows_what_arrives_or_that_no_template_says_it(
    stage: Any, finding: Callable[..., Finding]
) -> None:
    stage.say(Purpose.SMS, True)
    stage.alerts.effects.apply([finding()], [], 1)
    [found] = queries.findings(stage.alerts.engine).items

    def shown(kind: str, text: str) -> dict[str, Any]:
        templates = {kind: {"code": "SMS_1", "text": text}}
        chosen = stage.alerts.previews.settings.model_copy(update={"sms": settings(templates=templates)})
        previews = replace(stage.alerts.previews, settings=chosen)
        [one] = previews.of(str(found["id"]), "en", "sms")["messages"]
        return dict(one)

    stage_of = stage.alerts.previews.of(str(found["id"]))["stage"]
    other = "harm" if stage_of != "harm" else "soon"
    arrives, silent = shown(stage_of, "请留意${appliance}。"), shown(other, "请留意${appliance}。")

    assert (arrives["text"], arrives["language"]) == ("【海风电器】请留意您的电器fridge-1。", "zh")
    assert (arrives["would"], arrives["parts"]) == ("leave", 1)
    assert (silent["would"], silent["text"]) == ("stay", "")
    assert silent["why"] == f"alerts.sms.templates has none for {stage_of!r}"


def test_a_finding_fills_its_blanks_in_chinese_whatever_the_owner_reads(
    stage: Any, finding: Callable[..., Finding], channel: Callable[..., Any], service: Service
) -> None:
    """The operator approved Chinese sentences; the gate hands each message over with the words for them."""
    stage.say(Purpose.SMS, True)
    stage.alerts.effects.apply([finding()], [], 1)
    stage.alerts.dispatcher.run_once()

    [sent] = stage.sent("sms")
    assert sent.blanks is not None
    assert sent.blanks.words["appliance"] == "您的电器fridge-1"
    template = {"code": "SMS_1", "text": "${appliance}：${wrong}。${do}"}
    channel(templates={sent.blanks.kind: template}).send(
        Message("nt_9", "t", "", "+86" + NUMBER, blanks=sent.blanks)
    )
    assert json.loads(service.asked[0]["TemplateParam"])["appliance"] == "您的电器fridge-1"
