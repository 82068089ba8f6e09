#!/usr/bin/env python3
"""Keeps the rows and messages of a laptop installation that does not run, for tests/it/releases.

    tools/keep-rows.py .trunkline "the campaigns of 0.2, killed in mid-campaign" > tests/it/releases/0.2.json

Of kinds that come in crowds it keeps a few of each sort: events, and turns beyond the first calls.
"""
import json
import os
import sqlite3
import sys

EVENTS_OF_A_TYPE = 2


def table(folder):
    file = sqlite3.connect(f"file:{folder}/engines/dynamodb.sqlite?mode=ro", uri=True)
    events = {}
    for _sort_key, item in sorted(
        (row[0], json.loads(row[1])) for row in file.execute("SELECT pk || sk, item_json FROM trunkline")
    ):
        if item["pk"]["S"].startswith("EVENTS#"):
            kind = item["type"]["S"]
            events[kind] = events.get(kind, 0) + 1
            if events[kind] > EVENTS_OF_A_TYPE:
                continue
        yield item


def messages(folder):
    file = sqlite3.connect(f"file:{folder}/engines/sqs.sqlite?mode=ro", uri=True)
    query = "SELECT queues.name, body FROM messages JOIN queues ON queues.id = messages.queue ORDER BY 1, 2"
    for name, body in file.execute(query):
        yield {"queue": name, "body": body}


def main():
    folder, about = sys.argv[1:]
    moments = (os.path.getmtime(f"{folder}/engines/{name}.sqlite") for name in ("dynamodb", "sqs"))
    print('{"about": %s,' % json.dumps(about))
    print('"at": %d,' % max(moments))
    for name, lines, end in (("messages", messages(folder), ","), ("rows", table(folder), "}")):
        print('"%s": [' % name)
        print(",\n".join(json.dumps(line, ensure_ascii=False, sort_keys=True) for line in lines))
        print("]" + end)


main()
