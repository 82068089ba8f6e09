"""Twilio's own client against the simulated carrier, and its validator on the carrier's webhooks.

What the client makes typed values of (dates, numbers of channels) it must find in the form that it expects.
"""

import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import requests
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from installation import Installation, same, wait_for

OURS = "+15005550006"
LISTENS = "+14155550101"
LETS_IT_RING = "+14155550106"


class Webhooks:
    """An application of somebody's own that the carrier calls back."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], str]] = []
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                fields = dict(parse_qsl(body, keep_blank_values=True))
                received.append((self.path, fields, self.headers["X-Twilio-Signature"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def fields(self, path: str, name: str, value: str) -> dict[str, str] | None:
        for at, fields, _ in list(self.received):
            if at == path and fields.get(name) == value:
                return fields
        return None


def client(installation: Installation, token: str | None = None) -> Client:
    made = Client(installation["TWILIO_ACCOUNT_SID"], token or installation["TWILIO_AUTH_TOKEN"])
    made.api.base_url = installation.url("TWILIO_BASE_URL")
    return made


def a_call_is_placed_recorded_and_found_again(installation: Installation) -> None:
    twilio, webhooks = client(installation), Webhooks()
    status, recording = "/status?lead=a%20b&n=1", "/recording"
    call = twilio.calls.create(
        to=LISTENS,
        from_=OURS,
        twiml="<Response><Say>Hello, this is a test.</Say><Hangup/></Response>",
        status_callback=webhooks.url + status,
        status_callback_event=["initiated", "ringing", "answered", "completed"],
        record=True,
        recording_channels="dual",
        recording_status_callback=webhooks.url + recording,
    )
    same(call.status, "queued", "the status of a new call")
    assert isinstance(call.date_created, datetime), call.date_created
    for state in ("initiated", "ringing", "in-progress", "completed"):
        wait_for(state, lambda: webhooks.fields(status, "CallStatus", state))
    made = wait_for("the recording", lambda: webhooks.fields(recording, "RecordingStatus", "completed"))

    over = twilio.calls(str(call.sid)).fetch()
    same((over.status, over.direction, over.to), ("completed", "outbound-api", LISTENS), "the call")
    assert isinstance(over.start_time, datetime) and isinstance(over.end_time, datetime), over
    assert over.duration is not None and int(over.duration) >= 1, over.duration
    listed = [entry.sid for entry in twilio.calls.list(to=LISTENS, status="completed", limit=20)]
    assert call.sid in listed, listed

    (kept,) = twilio.calls(str(call.sid)).recordings.list()
    same(kept.sid, made["RecordingSid"], "the recording's id")
    same((kept.channels, kept.status, kept.track), (2, "completed", "both"), "the recording")
    assert isinstance(kept.start_time, datetime), kept.start_time
    (of_account,) = twilio.recordings.list(call_sid=str(call.sid))
    same(of_account.sid, kept.sid, "the recording of the account")
    audio = requests.get(
        f"{installation.url('TWILIO_BASE_URL')}/2010-04-01/Accounts/{kept.account_sid}/Recordings/{kept.sid}.wav",
        auth=(installation["TWILIO_ACCOUNT_SID"], installation["TWILIO_AUTH_TOKEN"]),
        timeout=10,
    )
    same((audio.status_code, audio.content[:4]), (200, b"RIFF"), "the audio")
    assert twilio.recordings(str(kept.sid)).delete()
    same(twilio.calls(str(call.sid)).recordings.list(), [], "what is left")

    validator = RequestValidator(installation["TWILIO_AUTH_TOKEN"])
    for path, fields, signature in webhooks.received:
        url = webhooks.url + path
        assert validator.validate(url, fields, signature), f"{path} is not signed as Twilio does it"
        forged = {**fields, "CallSid": "CA" + "0" * 32}
        assert not validator.validate(url, forged, signature), "the signature is of anything"


def a_call_that_rings_is_cancelled(installation: Installation) -> None:
    twilio = client(installation)
    call = twilio.calls.create(to=LETS_IT_RING, from_=OURS, twiml="<Response><Hangup/></Response>")
    same(twilio.calls(str(call.sid)).update(status="canceled").status, "canceled", "the call")
    wait_for(
        "the end of the call",
        lambda: True if twilio.calls(str(call.sid)).fetch().status == "canceled" else None,
    )


def what_twilio_refuses_is_refused(installation: Installation) -> None:
    twilio = client(installation)

    def refused(status: int, code: int, what: str, **request: str) -> None:
        try:
            twilio.calls.create(**request)
        except TwilioRestException as refusal:
            same((refusal.status, refusal.code), (status, code), what)
        else:
            raise AssertionError(f"{what} was taken")

    hang_up = "<Response><Hangup/></Response>"
    refused(400, 21211, "a call to no number", to="+1415", from_=OURS, twiml=hang_up)
    refused(400, 21205, "a call without instructions", to=LISTENS, from_=OURS, url="not a url")
    try:
        client(installation, "wrong").calls("CA" + "0" * 32).fetch()
    except TwilioRestException as refusal:
        same((refusal.status, refusal.code), (401, 20003), "a wrong token")
    else:
        raise AssertionError("a wrong token was taken")


CHECKS = [
    a_call_is_placed_recorded_and_found_again,
    a_call_that_rings_is_cancelled,
    what_twilio_refuses_is_refused,
]
