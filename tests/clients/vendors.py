"""The vendors' own clients against the simulated vendors: speech, language, voice."""

import base64
import json
import threading

import websockets
from deepgram import DeepgramClient
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment
from deepgram.listen.v1.types import ListenV1Metadata, ListenV1Results, ListenV1SpeechStarted
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.core.pydantic_utilities import parse_obj_as
from elevenlabs.types import AudioOutputMulti, CloseSocket, InitializeConnectionMulti, SendTextMulti
from elevenlabs.v_1_text_to_speech_voice_id_multi_stream_input import ReceiveMessageMulti
from openai import AuthenticationError, OpenAI
from openai.types.chat import ChatCompletionToolParam
from websockets.sync.client import connect

from installation import WAIT_S, Installation, same

SENTENCE = "Yes, I can make it."
SILENCE_S = 2
FRAME_BYTES = 160
SAMPLES_PER_S = 8_000
# Ours, as the media worker offers it to a model.
END_CALL: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "end_call",
        "description": "Ends the call.",
        "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
    },
}
CLINIC = "You remind patients.\nclinic: Bright Dental\nday: Monday\ntime: nine\n"


def spoken(installation: Installation, text: str) -> bytes:
    """Eight thousand bytes of mu-law a second, by ElevenLabs' REST client."""
    client = ElevenLabs(
        api_key=installation["ELEVENLABS_API_KEY"], base_url=installation.url("ELEVENLABS_BASE_URL")
    )
    chunks = client.text_to_speech.stream(
        installation["ELEVENLABS_VOICE_ID"],
        text=text,
        model_id=installation["ELEVENLABS_MODEL"],
        output_format="ulaw_8000",
    )
    return b"".join(chunks)


def a_sentence_is_spoken_over_rest(installation: Installation) -> None:
    audio = spoken(installation, SENTENCE)
    assert len(audio) > SAMPLES_PER_S / 2, f"{len(audio)} bytes"
    stranger = ElevenLabs(api_key="wrong", base_url=installation.url("ELEVENLABS_BASE_URL"))
    try:
        list(stranger.text_to_speech.stream("simulated-voice", text="Hi.", output_format="ulaw_8000"))
    except ApiError as refusal:
        same(refusal.status_code, 401, "the answer to a wrong key")
    else:
        raise AssertionError("a wrong key was taken")


def a_sentence_is_spoken_over_the_socket(installation: Installation) -> None:
    """By the client's own types: it has no socket of several contexts itself."""
    url = installation.url("ELEVENLABS_BASE_URL").replace("http", "ws", 1)
    voice, model = installation["ELEVENLABS_VOICE_ID"], installation["ELEVENLABS_MODEL"]
    target = f"{url}/v1/text-to-speech/{voice}/multi-stream-input?model_id={model}&output_format=ulaw_8000"
    audio, ends = b"", []
    with connect(target, additional_headers={"xi-api-key": installation["ELEVENLABS_API_KEY"]}) as socket:
        for message in (
            InitializeConnectionMulti(context_id="one"),
            SendTextMulti(text=SENTENCE + " ", context_id="one", flush=True),
            CloseSocket(close_socket=True),
        ):
            socket.send(message.json())
        try:
            while True:
                message = json.loads(socket.recv(WAIT_S))
                said = parse_obj_as(ReceiveMessageMulti, message)
                same(said.context_id, "one", "the context")
                if isinstance(said, AudioOutputMulti):
                    audio += base64.b64decode(said.audio)
                # The client knows both spellings, each in another of its types; the service has used both.
                ends.append(message.get("isFinal", message.get("is_final")))
        except websockets.ConnectionClosed:
            pass
    same(ends[-1], True, "the last message")
    same(finals(listened_to(installation, audio)), [SENTENCE], "what is heard of it")


def words_are_recognized(installation: Installation) -> None:
    messages = listened_to(installation, spoken(installation, SENTENCE))
    results = [message for message in messages if isinstance(message, ListenV1Results)]
    same(finals(messages), [SENTENCE], "what was heard")
    assert any(result.speech_final for result in results), "no end of speech"
    assert any(not result.is_final for result in results), "no interim results"
    for kind in (ListenV1SpeechStarted, ListenV1Metadata):
        assert any(isinstance(message, kind) for message in messages), f"no {kind.__name__}"


def listened_to(installation: Installation, audio: bytes) -> list[object]:
    """What Deepgram's client makes of the answers to this audio."""
    base = installation.url("DEEPGRAM_BASE_URL")
    socket = base.replace("http", "ws", 1)
    environment = DeepgramClientEnvironment(base=base, production=socket, agent=socket, agent_rest=base)
    client = DeepgramClient(api_key=installation["DEEPGRAM_API_KEY"], environment=environment)
    audio += b"\xff" * SAMPLES_PER_S * SILENCE_S
    messages: list[object] = []
    errors: list[object] = []
    with client.listen.v1.connect(
        model="nova-3",
        encoding="mulaw",
        sample_rate=SAMPLES_PER_S,
        channels=1,
        language="en",
        interim_results=True,
        endpointing=300,
        utterance_end_ms=1000,
        vad_events=True,
        punctuate=True,
    ) as live:
        live.on(EventType.MESSAGE, messages.append)
        live.on(EventType.ERROR, errors.append)
        listening = threading.Thread(target=live.start_listening)
        listening.start()
        # What is sent faster than it was spoken is recognized as well.
        for start in range(0, len(audio), FRAME_BYTES):
            live.send_media(audio[start : start + FRAME_BYTES])
        live.send_keep_alive()
        live.send_finalize()
        live.send_close_stream()
        listening.join(WAIT_S)
        assert not listening.is_alive(), "the socket was not closed"
    same(errors, [], "what the client could not read")
    return messages


def finals(messages: list[object]) -> list[str]:
    results = [message for message in messages if isinstance(message, ListenV1Results)]
    texts = [result.channel.alternatives[0].transcript for result in results if result.is_final]
    return [text for text in texts if text]


def a_model_answers_and_calls_a_tool(installation: Installation) -> None:
    base, model = installation.url("OPENAI_BASE_URL"), installation["OPENAI_MODEL"]
    client = OpenAI(api_key=installation["OPENAI_API_KEY"], base_url=base)

    def answer(text: str) -> tuple[str, list[str], str | None, bool]:
        with client.chat.completions.stream(
            model=model,
            messages=[{"role": "system", "content": CLINIC}, {"role": "user", "content": text}],
            tools=[END_CALL],
            stream_options={"include_usage": True},
        ) as stream:
            pieces = [event.delta for event in stream if event.type == "content.delta"]
            whole = stream.get_final_completion()
        choice = whole.choices[0]
        same("".join(pieces), choice.message.content or "", "the pieces together")
        assert len(pieces) > 1, "the answer was not streamed"
        tools = [call.function.name for call in choice.message.tool_calls or []]
        return choice.message.content or "", tools, choice.finish_reason, whole.usage is not None

    text, tools, reason, counted = answer(SENTENCE)
    assert "Monday at nine" in text, text
    same((tools, reason, counted), ([], "stop", True), "an answer")
    _, tools, reason, _ = answer("No, thank you. Goodbye.")
    same((tools, reason), (["end_call"], "tool_calls"), "a goodbye")
    assert model in [known.id for known in client.models.list()], "the model is not listed"
    try:
        OpenAI(api_key="wrong", base_url=base, max_retries=0).models.list()
    except AuthenticationError as refusal:
        same(refusal.code, "invalid_api_key", "the answer to a wrong key")
    else:
        raise AssertionError("a wrong key was taken")


CHECKS = [
    a_sentence_is_spoken_over_rest,
    a_sentence_is_spoken_over_the_socket,
    words_are_recognized,
    a_model_answers_and_calls_a_tool,
]
