"""Holds every answer against the OpenAPI document: its status, its media type, and its body by the schema.

Knows nothing of what the API is for.
"""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

DOCUMENT = "urn:document"


class Contract:
    def __init__(self, path: Path) -> None:
        document = json.loads(path.read_text())
        registry: Registry[Any] = Registry()
        self.registry = registry.with_resource(DOCUMENT, DRAFT202012.create_resource(document))
        # An address without a parameter goes before one with it: `/suppressions/import`, `/suppressions/{number}`.
        self.templates = sorted(document["paths"], key=lambda template: template.count("{"))
        self.answers = 0

    def hold(self, response: httpx.Response) -> None:
        """A hook for httpx."""
        response.read()
        request = response.request
        said = f"{request.method} {request.url.path} answered {response.status_code}"
        template = next(t for t in self.templates if re.fullmatch(re.sub(r"{\w+}", "[^/]+", t), request.url.path))
        at = f"#/paths/{escape(template)}/{request.method.lower()}/responses"
        responses = self.at(at)
        status = str(response.status_code)
        key = next((key for key in (status, f"{status[0]}XX", "default") if key in responses), None)
        assert key is not None, f"{said}, which the document does not have"
        # A response that many operations share is told once.
        at = responses[key].get("$ref", f"{at}/{key}")
        declared = self.at(at)
        media_type = response.headers.get("content-type", "").split(";")[0]
        if "content" not in declared:
            assert response.content == b"", f"{said} with a body, which the document does not have"
        elif media_type.endswith("json"):
            assert media_type in declared["content"], f"{said} as {media_type}, which the document does not have"
            schema = f"{DOCUMENT}{at}/content/{escape(media_type)}/schema"
            validator = OAS31Validator({"$ref": schema}, registry=self.registry, format_checker=oas31_format_checker)
            faults = [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(response.json())]
            assert not faults, f"{said}, and not as the schema says: {faults}"
        self.answers += 1

    def at(self, pointer: str) -> Any:
        return self.registry.resolver().lookup(f"{DOCUMENT}{pointer}").contents


def escape(step: str) -> str:
    """A step of a JSON pointer in an address."""
    return quote(step.replace("~", "~0").replace("/", "~1"))
