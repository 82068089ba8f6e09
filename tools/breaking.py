#!/usr/bin/env python3
"""What a change of the API's document breaks for clients that were made from an earlier one.

    tools/breaking.py                    compares with the document of `main`
    tools/breaking.py --base REVISION    compares with that of another revision
    tools/breaking.py OLD NEW            compares two files
    tools/breaking.py --check            plants faults into the document and fails unless each is named

Needs Python 3, and git for a revision. Each line names an operation, the place in it and what breaks. Before
version 1.0.0 nothing is promised to clients and the list is only told; from then on it fails unless
`info.version` has a higher major version than the document that it is compared with.
"""

import copy
import json
import os
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
DOCUMENT = "functions/api/openapi.json"
METHODS = ("get", "put", "post", "patch", "delete")
# What may only go up for those who receive it, or only down: bounds of what is sent.
LOWER = ("minimum", "minLength", "minItems", "minProperties")
UPPER = ("maximum", "maxLength", "maxItems", "maxProperties")


class Comparison:
    """Two documents, and what was found."""

    def __init__(self, old, new):
        self.old, self.new = old, new
        self.found = []
        self.seen = set()

    def run(self):
        for path, item in self.old["paths"].items():
            for method in METHODS:
                if method in item:
                    self.operation(f"{method.upper()} {path}", item[method], self.new["paths"].get(path, {}).get(method))
        for path, item in self.new["paths"].items():
            for method in METHODS:
                # Ids are names in clients: two operations that share one would be one.
                if method in item and not item[method].get("operationId"):
                    self.say(f"{method.upper()} {path}", "has no operationId")
        return self.found

    def say(self, where, what):
        line = f"{where}: {what}"
        if line not in self.found:
            self.found.append(line)

    def operation(self, where, old, new):
        if new is None:
            return self.say(where, "the operation is gone")
        if old.get("operationId") != new.get("operationId"):
            self.say(where, f"operationId was {old.get('operationId')}, is {new.get('operationId')}")
        self.parameters(where, old, new)
        self.body(where, old.get("requestBody"), new.get("requestBody"))
        for status, answer in old.get("responses", {}).items():
            if not status.startswith("2") and not status.startswith("3"):
                continue
            after = self.resolved(self.new, new.get("responses", {}).get(status))
            if after is None:
                self.say(where, f"answers no {status} any more")
                continue
            answer = self.resolved(self.old, answer)
            for header in answer.get("headers", {}):
                if header not in after.get("headers", {}):
                    self.say(where, f"{status} has no header {header} any more")
            self.contents(f"{where} {status}", answer, after, sent=False)

    def parameters(self, where, old, new):
        def named(document, operation):
            parameters = [self.resolved(document, parameter) for parameter in operation.get("parameters", [])]
            return {(parameter["in"], parameter["name"]): parameter for parameter in parameters}

        before, after = named(self.old, old), named(self.new, new)
        for key, parameter in before.items():
            place = f"{where} {key[0]} {key[1]}"
            if key not in after:
                self.say(place, "the parameter is gone")
                continue
            if after[key].get("required") and not parameter.get("required"):
                self.say(place, "the parameter is required now")
            self.schema(place, parameter["schema"], after[key]["schema"], sent=True)
        for key, parameter in after.items():
            if key not in before and parameter.get("required"):
                self.say(f"{where} {key[0]} {key[1]}", "a new parameter is required")

    def body(self, where, old, new):
        if new is None:
            if old is not None:
                self.say(where, "takes no body any more")
            return
        if new.get("required") and not (old or {}).get("required"):
            self.say(where, "the body is required now")
        if old is not None:
            self.contents(f"{where} body", old, new, sent=True)

    def contents(self, where, old, new, sent):
        for media, content in old.get("content", {}).items():
            after = new.get("content", {}).get(media)
            if after is None:
                self.say(where, f"{media} is gone")
            else:
                self.schema(where, content.get("schema", {}), after.get("schema", {}), sent)

    def schema(self, where, old, new, sent):
        # A schema that is compared under one name is not compared again under it.
        key = (old.get("$ref"), new.get("$ref"), sent)
        if key[0] and key[1]:
            if key in self.seen:
                return
            self.seen.add(key)
            where = key[0].rsplit("/", 1)[1] + (" (sent)" if sent else " (answered)")
        old, new = self.plain(self.old, old), self.plain(self.new, new)
        self.types(where, old, new, sent)
        self.words(where, old, new, sent)
        if sent:
            self.bounds(where, old, new)
        self.properties(where, old, new, sent)
        for part, name in (("items", "[]"), ("additionalProperties", ".*")):
            before, after = old.get(part), new.get(part)
            if isinstance(before, dict) and isinstance(after, dict):
                self.schema(where + name, before, after, sent)
        before, after = old.get("oneOf", []), new.get("oneOf", [])
        if len(before) == len(after):
            for before, after in zip(before, after):
                self.schema(where, before, after, sent)
        elif sent and len(after) < len(before) or not sent and len(after) > len(before):
            self.say(where, f"had {len(before)} forms, has {len(after)}")

    def types(self, where, old, new, sent):
        before, after = types(old), types(new)
        if not before and not after:
            return
        if sent and not before <= after:
            self.say(where, f"takes no {', '.join(sorted(before - after)) or 'other type'} any more")
        if not sent and not after <= before:
            self.say(where, f"may be {', '.join(sorted(after - before)) or 'of any type'} now")

    def words(self, where, old, new, sent):
        before, after = old.get("enum"), new.get("enum")
        if sent and after is not None:
            gone = [word for word in before or [] if word not in after]
            if before is None:
                self.say(where, "takes only certain words now")
            if gone:
                self.say(where, f"takes no {', '.join(map(str, gone))} any more")
        if not sent and before is not None:
            more = [word for word in after or [] if word not in before]
            if after is None:
                self.say(where, "may be any word now")
            if more:
                self.say(where, f"may be {', '.join(map(str, more))} now")

    def bounds(self, where, old, new):
        for bound in LOWER:
            if bound in new and new[bound] > old.get(bound, float("-inf")) and (bound == "minimum" or new[bound] > 0):
                self.say(where, f"{bound} was {old.get(bound)}, is {new[bound]}")
        for bound in UPPER:
            if bound in new and new[bound] < old.get(bound, float("inf")):
                self.say(where, f"{bound} was {old.get(bound)}, is {new[bound]}")
        for form in ("pattern", "format"):
            if form in new and new[form] != old.get(form):
                self.say(where, f"{form} was {old.get(form)}, is {new[form]}")

    def properties(self, where, old, new, sent):
        before, after = old.get("properties", {}), new.get("properties", {})
        required_before, required_after = set(old.get("required", [])), set(new.get("required", []))
        for name, schema in before.items():
            place = f"{where}.{name}"
            if name not in after:
                self.say(place, "the field is gone")
                continue
            if sent and name in required_after and name not in required_before:
                self.say(place, "the field is required now")
            if not sent and name in required_before and name not in required_after:
                self.say(place, "the field may be left out now")
            self.schema(place, schema, after[name], sent)
        if sent:
            for name in sorted(required_after - set(before)):
                if before or "properties" in old:
                    self.say(f"{where}.{name}", "a new field is required")

    @staticmethod
    def resolved(document, node):
        while isinstance(node, dict) and "$ref" in node:
            target = document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node

    def plain(self, document, schema):
        """Without references, and what may be null as a type with null."""
        schema = self.resolved(document, schema)
        choices = schema.get("oneOf")
        if choices:
            others = [choice for choice in choices if choice.get("type") != "null"]
            if len(others) == 1 and len(others) < len(choices):
                schema = dict(self.resolved(document, others[0]))
                schema["type"] = sorted(types(schema) | {"null"})
        return schema


def types(schema):
    of = schema.get("type", [])
    return {of} if isinstance(of, str) else set(of)


def compare(old, new):
    return Comparison(old, new).run()


def check(document):
    """Plants faults, one at a time, each of which must be named."""

    def field(name):
        return lambda new: new["components"]["schemas"]["Call"]["properties"].pop(name)

    def at(new, method, path):
        return new["paths"][path][method]

    def words(name, change):
        return lambda new: change(new["components"]["schemas"][name]["enum"])

    def widen(new):
        new["components"]["schemas"]["Call"]["properties"]["created_at"]["type"] = ["string", "null"]

    def narrow(new):
        new["components"]["schemas"]["NewPrompt"]["properties"]["name"]["maxLength"] = 10

    def demand(new):
        new["components"]["schemas"]["NewPrompt"]["required"].append("mood")
        new["components"]["schemas"]["NewPrompt"]["properties"]["mood"] = {"type": "string"}

    def rename(new):
        call = new["components"]["schemas"]["Call"]
        call["properties"]["end"] = call["properties"].pop("ended_at")

    planted = [
        ("a field of an answer is removed", field("trace_id"), "Call (answered).trace_id: the field is gone"),
        ("a field of an answer is renamed", rename, "Call (answered).ended_at: the field is gone"),
        (
            "an operation is removed",
            lambda new: new["paths"].pop("/v1/calls/{call_id}/hangup"),
            "POST /v1/calls/{call_id}/hangup: the operation is gone",
        ),
        (
            "an operation is renamed",
            lambda new: at(new, "get", "/v1/calls").update(operationId="calls"),
            "GET /v1/calls: operationId was list_calls, is calls",
        ),
        ("an answer becomes nullable", widen, "Call (answered).created_at: may be null now"),
        (
            "a field of an answer may be left out",
            lambda new: new["components"]["schemas"]["Call"]["required"].remove("to"),
            "Call (answered).to: the field may be left out now",
        ),
        (
            "a vocabulary of answers grows",
            words("CallState", lambda words: words.append("lost")),
            "CallState (answered): may be lost now",
        ),
        (
            "a vocabulary of requests shrinks",
            words("LeadPriority", lambda words: words.remove("low")),
            "LeadPriority (sent): takes no low any more",
        ),
        ("a request may be less", narrow, "NewPrompt (sent).name: maxLength was 100, is 10"),
        ("a request must have more", demand, "NewPrompt (sent).mood: a new field is required"),
        (
            "a body is not taken any more",
            lambda new: at(new, "post", "/v1/numbers").pop("requestBody"),
            "POST /v1/numbers: takes no body any more",
        ),
    ]
    failed = 0
    if compare(document, copy.deepcopy(document)):
        failed += 1
        print("the document differs from itself")
    for what, plant, expected in planted:
        new = copy.deepcopy(document)
        plant(new)
        found = compare(document, new)
        if expected not in found:
            failed += 1
            print(f"{what}: not named; found {found or 'nothing'}")
    for what, harmless in [
        ("a new field of an answer", lambda new: new["components"]["schemas"]["Call"]["properties"].update(mood={})),
        ("a new operation", lambda new: new["paths"].update({"/v1/moods": {"get": {"operationId": "list_moods"}}})),
    ]:
        new = copy.deepcopy(document)
        harmless(new)
        if found := compare(document, new):
            failed += 1
            print(f"{what}: breaks nobody, and was named: {found}")
    print(f"{len(planted)} planted faults, {failed} not as they should be")
    return failed


def of_revision(revision):
    shown = subprocess.run(
        ["git", "-C", ROOT, "show", f"{revision}:{DOCUMENT}"], capture_output=True, text=True, check=False
    )
    return json.loads(shown.stdout) if shown.returncode == 0 else None


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def major(document):
    return int(document["info"]["version"].split(".")[0])


def main(arguments):
    if arguments == ["--check"]:
        return 1 if check(read(os.path.join(ROOT, DOCUMENT))) else 0
    if len(arguments) == 2 and arguments[0] != "--base":
        old, new = read(arguments[0]), read(arguments[1])
    else:
        revision = arguments[1] if arguments[:1] == ["--base"] else "main"
        old, new = of_revision(revision), read(os.path.join(ROOT, DOCUMENT))
        if old is None:
            print(f"{revision} has no {DOCUMENT}: nothing to compare with")
            return 0
    found = compare(old, new)
    for line in found:
        print(line)
    promised = major(old) >= 1 and major(new) <= major(old)
    print(f"{len(found)} changes break clients" + ("" if promised or not found else "; nothing is promised to them yet"))
    return 1 if found and promised else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
