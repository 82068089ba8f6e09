#!/usr/bin/env python3
"""Renews a description of tests/descriptions: what the tests use of an interface that a carrier or vendor describes.

    tools/describe.py twilio FILE COMMIT           spec/json/twilio_api_v2010.json of twilio/twilio-oai
    tools/describe.py deepgram FILE COMMIT         asyncapi.yml of deepgram/deepgram-api-specs
    tools/describe.py deepgram-rest FILE COMMIT    openapi.yml of deepgram/deepgram-api-specs
    tools/describe.py openai FILE COMMIT           openapi.json of openai/openai-openapi

FILE is the file as its owner publishes it, COMMIT the commit of the repository that it is of. Needs Python 3, and
PyYAML for files in YAML. What is kept is unchanged; prose and everything that no test uses is left out. The same
file always gives the same bytes.

A test that needs more of a description says so by failing: name it here, and renew the file.
"""

import hashlib
import json
import os
import sys

TARGET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests/descriptions")

MIT = {"name": "MIT", "identifier": "MIT"}
CC_BY = {"name": "Creative Commons Attribution 4.0 International", "url": "https://creativecommons.org/licenses/by/4.0/"}

# What is said to people, not to programs.
PROSE = {"description", "summary", "title", "example", "examples", "externalDocs", "tags"}
# Their members are names of the interface, whatever they are called.
NAMES = {"properties", "patternProperties", "schemas"}
# Their content is data.
DATA = {"enum", "const", "default", "required", "mapping"}
SCHEMAS = "#/components/schemas/"

TWILIO_OPERATIONS = [
    "CreateCall", "CreateCallRecording", "DeleteRecording", "FetchAccount", "FetchCall", "FetchRecording", "ListCall",
    "ListIncomingPhoneNumber", "ListOutgoingCallerId", "ListRecording", "UpdateCall", "UpdateIncomingPhoneNumber",
]
DEEPGRAM_MESSAGES = [
    "ListenV1_ListenV1" + name
    for name in ("KeepAlive", "Finalize", "CloseStream", "Results", "Metadata", "UtteranceEnd", "SpeechStarted")
]
DEEPGRAM_PATHS = ["/v1/projects"]
OPENAI_SCHEMAS = ["CreateChatCompletionRequest", "CreateChatCompletionStreamResponse"]
METHODS = ["get", "put", "post", "delete", "patch"]


def twilio(document):
    """The operations that the client makes: parameters, bodies, and the examples of their answers."""
    paths = {}
    for path, item in document["paths"].items():
        kept = {}
        for method in METHODS:
            operation = item.get(method)
            if not operation or operation["operationId"] not in TWILIO_OPERATIONS:
                continue
            wanted = {name: operation[name] for name in ("operationId", "parameters", "requestBody") if name in operation}
            kept[method] = reduced(wanted) | {"responses": answers(operation["responses"])}
        if kept:
            paths[path] = ({"parameters": reduced(item["parameters"])} if "parameters" in item else {}) | kept
    found = sorted(operation["operationId"] for item in paths.values() for name, operation in item.items() if name in METHODS)
    missing = set(TWILIO_OPERATIONS) - set(found)
    assert not missing, f"the file has no {missing}"
    return {"openapi": document["openapi"], "paths": paths, "components": {"schemas": reachable(document, paths)}}


def answers(responses):
    """The examples are what is read; they are kept to the letter."""
    kept = {}
    for status, response in responses.items():
        content = response.get("content", {}).get("application/json", {})
        examples = {name: {"value": example["value"]} for name, example in content.get("examples", {}).items()}
        kept[status] = {"content": {"application/json": {"examples": examples}}} if examples else {}
    return kept


def deepgram(document):
    """The parameters of a recognition's socket, and the messages on it."""
    query = reduced(document["channels"]["/v1/listen"]["bindings"]["ws"]["query"])
    channels = {"/v1/listen": {"bindings": {"ws": {"query": query}}}}
    messages = [{"$ref": SCHEMAS + name} for name in DEEPGRAM_MESSAGES]
    schemas = reachable(document, [channels, messages])
    return {"asyncapi": document["asyncapi"], "channels": channels, "components": {"schemas": schemas}}


def deepgram_rest(document):
    """That there are these requests."""
    paths = {path: {method: {} for method in METHODS if method in document["paths"][path]} for path in DEEPGRAM_PATHS}
    return {"openapi": document["openapi"], "paths": paths}


def openai(document):
    """A streamed chat completion."""
    schemas = reachable(document, [{"$ref": SCHEMAS + name} for name in OPENAI_SCHEMAS])
    return {"openapi": document["openapi"], "components": {"schemas": schemas}}


SOURCES = {
    "twilio": (twilio, "twilio/twilio-oai", "spec/json/twilio_api_v2010.json", "Twilio, Inc.", MIT),
    "deepgram": (deepgram, "deepgram/deepgram-api-specs", "asyncapi.yml", "Deepgram, Inc.", CC_BY),
    "deepgram-rest": (deepgram_rest, "deepgram/deepgram-api-specs", "openapi.yml", "Deepgram, Inc.", CC_BY),
    "openai": (openai, "openai/openai-openapi", "openapi.json", "OpenAI", MIT),
}


def reachable(document, start):
    """The schemas that something refers to, and those that these refer to."""
    schemas = document["components"]["schemas"]
    kept, open_ = {}, list(references(start))
    while open_:
        name = open_.pop()
        if name not in kept:
            kept[name] = reduced(schemas[name])
            open_.extend(references(kept[name]))
    return dict(sorted(kept.items()))


def references(value):
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(SCHEMAS)
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def reduced(value):
    """Without prose and without what only its owner's tools read."""
    if isinstance(value, list):
        return [reduced(member) for member in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, member in value.items():
        if name in NAMES:
            kept[name] = {inner: reduced(schema) for inner, schema in member.items()}
        elif name in DATA:
            kept[name] = member
        elif name not in PROSE and not name.startswith("x-"):
            kept[name] = reduced(member)
    return kept


def read(path):
    with open(path, "rb") as file:
        content = file.read()
    if path.endswith(".json"):
        return content, json.loads(content)
    try:
        import yaml
    except ImportError:
        sys.exit(f"{path} is YAML, and this Python has no PyYAML: pip install pyyaml")
    return content, yaml.safe_load(content)


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in SOURCES:
        sys.exit(__doc__)
    name, path, commit = sys.argv[1:]
    used, repository, file, owner, licence = SOURCES[name]
    content, document = read(path)
    info = {
        "title": f"What is used here of {file} by {owner}",
        "version": document["info"]["version"],
        "license": licence,
        "x-source": f"https://github.com/{repository}/blob/{commit}/{file}",
        "x-source-sha256": hashlib.sha256(content).hexdigest(),
        "x-changes": "Reduced to what the tests use; prose is left out. What is kept is unchanged.",
    }
    kept = used(document)
    # The version first, as in the file that it is of.
    version, *rest = kept
    kept = {version: kept[version], "info": info} | {member: kept[member] for member in rest}
    with open(os.path.join(TARGET, f"{name}.json"), "w", encoding="utf-8") as out:
        json.dump(kept, out, ensure_ascii=False, indent=1)
        out.write("\n")


main()
