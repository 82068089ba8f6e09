"""streamdouble as the far end of the media socket: a carrier that shares no code with ours.

It knows neither signatures nor tokens, so this glue plays the rest of the carrier: it asks our signed webhook
what to do with an inbound call, and opens the stream that the answer names with the parameters it gives. How long
a gap in our audio is counts only while we speak; the tool counts the customer's own turn too, so it is not asked.
"""

import asyncio
import functools
import secrets
from pathlib import Path
from typing import Any
from unittest import mock
from xml.etree import ElementTree

import requests
import websockets
from streamdouble.protocol import StreamIdentity
from streamdouble.scenario import Say, Scenario, Step, WaitFor
from streamdouble.session import Session, SessionConfig, SessionResult
from twilio.request_validator import RequestValidator

from installation import WAIT_S, Installation, same, wait_for
from vendors import CLINIC, FRAME_BYTES, SENTENCE, spoken

OURS = "+15005550018"
CUSTOMER = "+14155550142"
GREETING = "Hello, this is the assistant of Bright Dental. How can I help you?"


class Inbound:
    """A call to our number, as the carrier has it."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.sid = "CA" + secrets.token_hex(16)
        self.validator = RequestValidator(installation["TWILIO_AUTH_TOKEN"])
        answer = self.webhook(self.validator)
        same(answer.status_code, 200, "the answer to our webhook")
        stream = ElementTree.fromstring(answer.text).find("Connect/Stream")
        assert stream is not None, answer.text
        self.url = stream.attrib["url"]
        self.parameters = {it.attrib["name"]: it.attrib["value"] for it in stream.findall("Parameter")}

    def webhook(self, validator: RequestValidator) -> requests.Response:
        url = self.installation.url("PUBLIC_URL") + "/carriers/twilio/voice"
        fields = {
            "AccountSid": self.installation["TWILIO_ACCOUNT_SID"],
            "ApiVersion": "2010-04-01",
            "CallSid": self.sid,
            "CallStatus": "ringing",
            "Direction": "inbound",
            "From": CUSTOMER,
            "To": OURS,
        }
        headers = {"X-Twilio-Signature": validator.compute_signature(url, fields)}
        return requests.post(url, fields, headers=headers, timeout=10)

    def talk(self, steps: list[Step]) -> SessionResult:
        account = self.installation["TWILIO_ACCOUNT_SID"]
        session = Session(
            self.url,
            scenario=Scenario("a call", steps),
            config=SessionConfig(custom_parameters=self.parameters, response_timeout_s=WAIT_S),
            identity=StreamIdentity(account_sid=account, call_sid=self.sid),
        )
        signature = self.validator.compute_signature(self.url, {})
        headers = {"X-Twilio-Signature": signature}
        signed = functools.partial(websockets.connect, additional_headers=headers, proxy=None)
        # The tool sends no headers, and has no place for them.
        with mock.patch.object(websockets, "connect", signed):
            return asyncio.run(session.run())

    def seen(self) -> dict[str, Any]:
        """The call as our API tells it, once it is over."""
        call = self.parameters["call_id"]

        def look() -> dict[str, Any] | None:
            answer = requests.get(
                f"{self.installation.url('PUBLIC_URL')}/v1/calls/{call}",
                headers={"Authorization": f"Bearer {self.installation.api_key}"},
                timeout=10,
            )
            same(answer.status_code, 200, "the answer of the API")
            known: dict[str, Any] = answer.json()
            return known if known["state"] == "ended" else None

        return wait_for("the end of the call", look)


def frames(audio: bytes) -> list[bytes]:
    whole = range(0, len(audio) - FRAME_BYTES + 1, FRAME_BYTES)
    return [audio[start : start + FRAME_BYTES] for start in whole]


def reception(installation: Installation) -> None:
    """An agent that takes calls to a number of ours, made by the API where it is missing."""

    def api(path: str, body: dict[str, str] | None = None) -> Any:
        answer = requests.request(
            "GET" if body is None else "POST",
            f"{installation.url('PUBLIC_URL')}/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {installation.api_key}"},
            timeout=10,
        )
        assert answer.ok, answer.text
        return answer.json()

    if any(number["number"] == OURS for number in api("numbers")["items"]):
        return
    prompt = api("prompts", {"name": "Reception", "system": CLINIC, "greeting": GREETING})
    agent = api("agents", {"name": "Reception", "prompt_id": prompt["id"]})
    api("numbers", {"number": OURS, "agent_id": agent["id"]})


def a_customer_interrupts_and_is_answered(installation: Installation) -> None:
    reception(installation)
    call = Inbound(installation)
    words = Say(Path(SENTENCE), frames(spoken(installation, SENTENCE)))
    steps = ("audio", "clear", "mark", "quiet")
    audio, *rest = [WaitFor(event, WAIT_S) for event in steps]
    heard = call.talk([audio, words, *rest])
    same([str(it) for it in heard.violations], [], "what is no message of Twilio's protocol")
    same((heard.unknown_events, heard.clears_received), ([], 1), "events of no kind, and interruptions")
    assert heard.marks_echoed, "no mark came back"
    assert heard.time_to_first_audio_s is not None
    print(f"  the first sound came after {heard.time_to_first_audio_s * 1000:.0f} ms", flush=True)
    seen = call.seen()
    same((seen["outcome"], seen["carrier_call_id"]), ("customer_hung_up", call.sid), "the call")
    turns = [(turn["text"], turn["interrupted"]) for turn in seen["turns"]]
    assert turns[0][1], f"the greeting was not interrupted: {turns}"
    same(turns[1], (SENTENCE, False), "what the customer said")
    assert "Monday at nine" in turns[2][0], turns


def a_token_opens_one_socket(installation: Installation) -> None:
    reception(installation)
    call = Inbound(installation)
    first = call.talk([WaitFor("audio", WAIT_S)])
    assert first.audio_received, "the first socket was silent"
    again = call.talk([WaitFor("audio", WAIT_S)])
    same((again.closed_by, again.audio_received), ("agent", b""), "the second socket")


def nobody_else_is_believed(installation: Installation) -> None:
    reception(installation)
    call = Inbound(installation)
    stranger = RequestValidator("a-token-of-somebody-else")
    same(call.webhook(stranger).status_code, 403, "the answer to a webhook of a stranger")
    call.validator = stranger
    try:
        call.talk([WaitFor("audio", WAIT_S)])
    except websockets.InvalidStatus as refusal:
        same(refusal.response.status_code, 403, "the answer to a socket of a stranger")
    else:
        raise AssertionError("a socket of a stranger was opened")


CHECKS = [
    a_customer_interrupts_and_is_answered,
    a_token_opens_one_socket,
    nobody_else_is_believed,
]
