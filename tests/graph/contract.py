"""Holds a recording of the lab's tenant against Microsoft's OpenAPI description of Graph.

usage: contract.py RECORDING CONTRACT

RECORDING is what GET /lab/requests says with the knob recordBodies, CONTRACT the description. Every request and answer
has to fit: path and method, query options, selected properties, bodies. Items of a $batch are records of their own.
Where Microsoft's description is known to differ from Microsoft's wire, the wire is right; see QUIRKS below.
"""

import collections
import json
import re
import sys
import urllib.parse

import yaml
from jsonschema import Draft202012Validator

# QUIRKS. The description has /users/delta() and graph.user where the wire has delta and microsoft.graph.user ...
SPELLINGS = [("/users/delta", "/users/delta()"), ("/microsoft.graph.user", "/graph.user")]
# ... knows no page tokens, which nextLink and deltaLink carry ...
TOKENS = {"$skiptoken", "$deltatoken"}
# ... lacks a property that newer versions of Entra Connect send ...
UNLISTED = {"onPremisesObjectIdentifier"}
# ... says that the date of an error has a zone, which it has not, and says nothing of what is in a 429's innerError.
ZONELESS = "microsoft.graph.ODataErrors.InnerError"


class Contract:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.whole = yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        del self.whole["components"]["schemas"][ZONELESS]["properties"]["date"]["pattern"]
        self.schemas = {name: modern(schema) for name, schema in self.whole["components"]["schemas"].items()}
        self.paths = [(re.compile(pattern(path)), path, item) for path, item in self.whole["paths"].items()]

    def resolved(self, node):
        while "$ref" in node:
            steps = node["$ref"].removeprefix("#/").split("/")
            node = self.whole
            for step in steps:
                node = node[step]
        return node

    def operation(self, method, path):
        """Microsoft's template of the path, and what it says of the method."""
        for wire, described in SPELLINGS:
            path = re.sub(re.escape(wire) + r"(?=$|/)", described, path)
        fitting = [(template, item) for expression, template, item in self.paths if expression.fullmatch(path)]
        # A path that is named beats one that a placeholder takes.
        fitting.sort(key=lambda one: "{" in one[0])
        if not fitting:
            raise Mismatch(f"the path {path} is not described")
        template, item = fitting[0]
        if method.lower() not in item:
            raise Mismatch(f"{template} has no {method}")
        return template, item, item[method.lower()]

    def faults(self, schema, value):
        root = {**modern(schema), "components": {"schemas": self.schemas}}
        validator = Draft202012Validator(root)
        return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in validator.iter_errors(value)]

    def properties(self, schema):
        """The names an object of that schema may have."""
        schema = self.resolved(schema)
        names = set(schema.get("properties", {}))
        for part in schema.get("allOf", []) + schema.get("anyOf", []):
            names |= self.properties(part)
        return names

    def strangers(self, schema, value):
        """Names in a value that its schema does not know, wherever they are."""
        schema = self.resolved(schema)
        if isinstance(value, list):
            items = schema.get("items", {})
            return {name for one in value for name in self.strangers(items, one)}
        if not isinstance(value, dict):
            return set()
        # What is in a collection of objects of several kinds says its own.
        schema = self.whole["components"]["schemas"].get(value.get("@odata.type", "").lstrip("#"), schema)
        known = self.properties(schema)
        found = {name for name in value if known and not name.startswith("@") and name not in known | UNLISTED}
        for name, inner in value.items():
            found |= self.strangers(self.property(schema, name), inner)
        return found

    def property(self, schema, name):
        schema = self.resolved(schema)
        if name in schema.get("properties", {}):
            return schema["properties"][name]
        for part in schema.get("allOf", []) + schema.get("anyOf", []):
            found = self.property(part, name)
            if found:
                return found
        return {}


class Mismatch(Exception):
    pass


def pattern(template):
    return "".join("[^/]+" if piece.startswith("{") else re.escape(piece) for piece in re.split(r"(\{[^}]+\})", template))


def modern(schema):
    """OpenAPI 3.0's `nullable` as JSON Schema says it. `anyOf: [X, nullable object]` means X or null, not any object."""
    if isinstance(schema, list):
        return [modern(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema == {"type": "object", "nullable": True}:
        return {"type": "null"}
    inner = {name: modern(value) for name, value in schema.items() if name not in ("nullable", "format")}
    return {"anyOf": [inner, {"type": "null"}]} if schema.get("nullable") is True else inner


def json_schema(content):
    return (content.get("content") or {}).get("application/json", {}).get("schema")


def check(contract, record):
    path = urllib.parse.unquote(record["path"].removeprefix("/v1.0"))
    template, item, operation = contract.operation(record["method"], path)
    parameters = [contract.resolved(one) for one in item.get("parameters", []) + operation.get("parameters", [])]
    known = {one["name"] for one in parameters if one["in"] == "query"}
    query = dict(urllib.parse.parse_qsl(record["query"] or "", keep_blank_values=True))
    unknown = set(query) - known - TOKENS
    if unknown:
        raise Mismatch(f"query options that are not described: {', '.join(sorted(unknown))}")
    answers = operation["responses"]
    status = str(record["status"])
    described = answers.get(status) or answers.get(status[0] + "XX")
    if described is None:
        raise Mismatch(f"the status {status} is not described")
    described = json_schema(contract.resolved(described))
    check_select(contract, query, json_schema(contract.resolved(answers["2XX"])))
    if record.get("requestBody"):
        asked = json_schema(contract.resolved(operation.get("requestBody", {})))
        if asked is None:
            raise Mismatch("the request has a body and the description has none")
        check_body(contract, "request", asked, json.loads(record["requestBody"]), strict=True)
    elif contract.resolved(operation.get("requestBody", {})).get("required"):
        raise Mismatch("the request has no body")
    body = record.get("responseBody")
    if body and described is not None:
        # An error's innerError has members that differ from one service to the next.
        check_body(contract, "answer", described, json.loads(body), strict=status[0] == "2")
    return template


def check_select(contract, query, schema):
    if "$select" not in query or schema is None:
        return
    listed = contract.property(schema, "value")
    names = contract.properties(listed["items"] if listed else schema)
    unknown = set(query["$select"].split(",")) - names - UNLISTED
    if unknown:
        raise Mismatch(f"selected, but no property: {', '.join(sorted(unknown))}")


def check_body(contract, what, schema, value, strict):
    faults = contract.faults(schema, value)
    if faults:
        raise Mismatch(f"the {what}'s body does not fit: {'; '.join(faults[:3])}")
    strangers = contract.strangers(schema, value) if strict else set()
    if strangers:
        raise Mismatch(f"the {what}'s body has what is not described: {', '.join(sorted(strangers))}")


def check_batch(record):
    """$batch itself is not in the description; this is from its documentation."""
    requests = json.loads(record["requestBody"])["requests"]
    ids = [one["id"].lower() for one in requests]
    if not 1 <= len(requests) <= 20 or len(set(ids)) < len(ids):
        raise Mismatch("a batch holds one to twenty requests of different ids")
    for one in requests:
        if "body" in one and {name.lower() for name in one.get("headers", {})} & {"content-type"} == set():
            raise Mismatch("an item with a body needs a Content-Type")


def main(recording, contract):
    with open(recording, encoding="utf-8") as file:
        records = [one for one in json.load(file) if one["path"].startswith("/v1.0/")]
    contract = Contract(contract)
    seen = collections.Counter()
    wrong = collections.Counter()
    for record in records:
        # What a fault answered instead of Graph, or was cut, says nothing about Graph; what was asked is checked all the same.
        try:
            if record["path"] == "/v1.0/$batch":
                check_batch(record)
                seen["POST /$batch"] += 1
                continue
            if record["status"] is None:
                record = {**record, "status": 503}
            seen[f"{record['method']} {check(contract, record)} {record['status']}"] += 1
        except (Mismatch, ValueError) as mismatch:
            wrong[f"{record['method']} {record['path']}?{record['query'] or ''} ({record['status']}): {mismatch}"] += 1
    for name, count in sorted(seen.items()):
        print(f"{count:6}  {name}")
    for name, count in wrong.items():
        print(f"does not conform ({count}): {name}", file=sys.stderr)
    if wrong or not seen:
        sys.exit(f"{sum(wrong.values())} of {len(records)} requests and answers do not conform")
    print(f"{len(records)} requests and answers conform")


if __name__ == "__main__":
    main(*sys.argv[1:])
