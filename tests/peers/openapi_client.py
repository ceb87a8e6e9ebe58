#!/usr/bin/env python3
"""openapi_client.py BASE SCAM GENUINE: a generic client that knows the interface only from its OpenAPI document.

It calls every operation with every content type described, with bodies made from the schemas (valid ones, and ones with
a member missing, wrong or unknown), and checks that status, content type and body of each answer are described. Standard
library only."""
import json, sys, urllib.error, urllib.request

base, scam, genuine = sys.argv[1], open(sys.argv[2]).read(), open(sys.argv[3]).read()
document = json.load(urllib.request.urlopen(base + "/v1/openapi.json"))
calls = wrong = 0


def resolve(schema):
    while "$ref" in schema:
        node = document
        for step in schema["$ref"][2:].split("/"):
            node = node[step]
        schema = node
    return schema


def problems(schema, value, at="$"):
    """What in `value` the schema does not allow."""
    schema = resolve(schema)
    if "oneOf" in schema:
        return [] if any(not problems(s, value, at) for s in schema["oneOf"]) else [f"{at}: none of oneOf"]
    found, kinds = [], schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds or []
    named = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    def fits(kind):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and (kind == "number" or float(value).is_integer()) if kind in ("number", "integer") else isinstance(value, named[kind])
    if kinds and not any(fits(k) for k in kinds):
        return [f"{at}: {type(value).__name__} is not {kinds}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is not one of {schema['enum']}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            found.append(f"{at}: {value} is out of range")
    if isinstance(value, dict) and "properties" in schema:
        found += [f"{at}.{k} is missing" for k in schema.get("required", []) if k not in value]
        found += [f"{at}.{k} is not described" for k in value if k not in schema["properties"]]
        for k in value.keys() & schema["properties"].keys():
            found += problems(schema["properties"][k], value[k], f"{at}.{k}")
    if isinstance(value, list) and "items" in schema:
        for n, item in enumerate(value):
            found += problems(schema["items"], item, f"{at}[{n}]")
    return found


def call(method, path, operation, body=None, kind=None, query=""):
    global calls, wrong
    calls += 1
    data = body.encode() if isinstance(body, str) else body
    request = urllib.request.Request(base + path + query, data=data, method=method.upper())
    if kind:
        request.add_header("Content-Type", kind)
    try:
        answer = urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        answer = error
    text, status, got = answer.read().decode(), answer.status, answer.headers.get_content_type()
    described = operation["responses"].get(str(status))
    name = f"{method} {path}{query} {kind or ''}: {status} {got}"
    if described is None:
        wrong += 1
        print(f"{name}: the status is not described: {text[:200]}")
        return status, None
    content = described.get("content", {})
    if got not in content:
        wrong += 1
        print(f"{name}: the content type is not described; {list(content)} are")
        return status, None
    value = text if got.startswith("text/") else json.loads(text)
    for problem in problems(content[got]["schema"], value):
        wrong += 1
        print(f"{name}: {problem}")
    return status, value


def samples(kind, schema):
    """Bodies for a content type: valid ones first, each with whether it must be understood."""
    if kind != "application/json":
        return [(scam, True), (genuine, True), ("", True), ("\r\n\r\n", True), ("\u00ff\u0000", True)]
    properties = resolve(schema)["properties"]
    def value(name):
        s = resolve(properties[name])
        options = [resolve(o) for o in s.get("oneOf", [])] + [s]
        enum = next((o["enum"] for o in options if "enum" in o), None)
        return enum[0] if enum else {"raw": scam, "text": "hello", "id": "0123456789abcdef"}.get(name, "x")
    full = {name: value(name) for name in properties}
    one = [dict((k, v) for k, v in full.items() if k not in drop) for drop in (("id", "text"), ("raw",))]
    made = [(json.dumps(o), None) for o in one]
    made += [(json.dumps({k: v for k, v in full.items() if k != gone}), None) for gone in full]
    made += [(json.dumps(full | {name: bad}), None) for name in full for bad in (7, [], {}, None)]
    return made + [(json.dumps(full | {"unknown": 1}), False), ("{", False), ("[]", False), ("null", False), ("", False)]


for path, item in document["paths"].items():
    for method, operation in item.items():
        content = operation.get("requestBody", {}).get("content", {})
        if not content:
            call(method, path, operation)
        for kind, media in content.items():
            for body, understood in samples(kind, media.get("schema", {})):
                status, _ = call(method, path, operation, body, kind)
                if understood is not None and (status < 400) != understood:
                    wrong += 1
                    print(f"{method} {path} {kind}: {status} for {body[:60]!r}")
        for parameter in operation.get("parameters", []):
            for text in ("true", "false", "email", "nonsense", ""):
                call(method, path, operation, scam, "message/rfc822", f"?{parameter['name']}={text}")

judge = document["paths"]["/v1/judge"]["post"]
for mail, label in ((scam, "scam"), (genuine, "no-signs")):
    _, value = call("post", "/v1/judge", judge, mail, "message/rfc822")
    if value["label"] != label:
        wrong += 1
        print(f"{value['label']} instead of {label}")
print(f"{calls} calls, {wrong} wrong")
sys.exit(wrong > 0 or calls < 60)
