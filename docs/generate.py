"""Write what is generated from ``crds/*.yaml``: the reference page and the chart's copies.

``python docs/generate.py`` writes, ``--check`` only compares and fails on a difference.
The YAML files are the one source of truth; nothing is ever edited in what is written here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("hall", "hallclass", "account", "plan")
PAGE = ROOT / "docs" / "reference" / "crds.md"
CHART_COPIES = ROOT / "charts" / "relay" / "files" / "crds"

Schema = Mapping[str, Any]


def written() -> dict[Path, str]:
    """Every generated file with its contents."""
    sources = {kind: (ROOT / "crds" / f"{kind}.yaml").read_text() for kind in KINDS}
    files = {CHART_COPIES / f"{kind}.yaml": text for kind, text in sources.items()}
    files[PAGE] = page([yaml.safe_load(text) for text in sources.values()])
    return files


def page(definitions: list[Schema]) -> str:
    """The whole reference as Markdown."""
    parts = [
        "# Reference of the objects",
        "Made from `crds/*.yaml` by `python docs/generate.py`. The same text is in the "
        "cluster: `kubectl explain hall.spec`.",
        "\n".join(f"- [{d['spec']['names']['kind']}](#{d['spec']['names']['singular']})"
                  for d in definitions),
    ]  # fmt: skip
    for definition in definitions:
        parts += kind_section(definition["spec"])
    return "\n\n".join(parts) + "\n"


def kind_section(spec: Schema) -> Iterator[str]:
    names, version = spec["names"], spec["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    yield f"## {names['kind']}"
    yield schema["description"]
    yield "\n".join(
        (
            "| | |",
            "|---|---|",
            f"| API version | `{spec['group']}/{version['name']}` |",
            f"| Scope | {'namespace' if spec['scope'] == 'Namespaced' else 'cluster'} |",
            f"| Names | {ticked(names['plural'], names['singular'], *names['shortNames'])}; "
            f"category {ticked(*names['categories'])} |",
        )
    )
    if selectable := version.get("selectableFields"):
        fields = ticked(*(field["jsonPath"].lstrip(".") for field in selectable))
        yield f"Selectable with `--field-selector`: {fields}."
    if rules := [rule["message"] for rule in schema.get("x-kubernetes-validations", ())]:
        yield "\n".join(f"- Rule: {message}." for message in rules)
    for part in ("spec", "status"):
        if part in schema["properties"]:
            yield f"### {names['kind']}.{part}"
            yield schema["properties"][part]["description"]
            yield "\n\n".join(fields_of(part, schema["properties"][part]))


def fields_of(path: str, schema: Schema) -> Iterator[str]:
    """One paragraph or more for each field under ``path``, depth first."""
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        yield field_text(f"{path}.{name}", field, required=name in required)
        inner = field.get("items", field)
        suffix = "[]" if "items" in field else ""
        yield from fields_of(f"{path}.{name}{suffix}", inner)


def field_text(path: str, field: Schema, *, required: bool) -> str:
    notes = [type_of(field), *bounds_of(field)]
    if "default" in field:
        notes.append(f"default `{plain(field['default'])}`")
    if required:
        notes.append("required")
    lines = [f"**`{path}`** ({'; '.join(notes)})", field.get("description", "")]
    lines += [f"- Rule: {message}." for message in messages_of(field)]
    return "\n\n".join(line for line in lines if line)


def messages_of(field: Schema) -> list[str]:
    """What the API server says where a CEL rule of the field, or of its items, does not hold."""
    inner = field.get("items") or field.get("additionalProperties") or {}
    rules = [*field.get("x-kubernetes-validations", ()), *inner.get("x-kubernetes-validations", ())]
    return [rule["message"] for rule in rules]


def type_of(field: Schema) -> str:
    if field.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if "items" in field:
        return f"list of {type_of(field['items'])}"
    if "additionalProperties" in field:
        return f"map to {type_of(field['additionalProperties'])}"
    if field.get("x-kubernetes-preserve-unknown-fields"):
        return "any JSON object"
    if field.get("format") == "date-time":
        return "time"
    return str(field["type"])


def bounds_of(field: Schema) -> Iterator[str]:
    if "enum" in (choice := field.get("items", field)):
        yield "one of " + ticked(*choice["enum"])
    yield from _range(field, "minimum", "maximum", "")
    yield from _range(field, "minLength", "maxLength", " characters")
    yield from _range(field, "minItems", "maxItems", " items")
    yield from _range(field, "minProperties", "maxProperties", " keys")


def _range(field: Schema, low: str, high: str, unit: str) -> Iterator[str]:
    if low in field and high in field:
        yield f"{field[low]} to {field[high]}{unit}"
    elif high in field:
        yield f"at most {field[high]}{unit}"
    elif low in field:
        yield f"at least {field[low]}{unit}"


def ticked(*words: str) -> str:
    return ", ".join(f"`{word}`" for word in words)


def plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(plain(item) for item in value)
    return str(value)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare only, fail on a difference")
    checking = parser.parse_args().check
    stale = [
        path for path, text in written().items()
        if not path.is_file() or path.read_text() != text
    ]  # fmt: skip
    if not checking:
        for path in stale:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(written()[path])
    names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
    if checking and stale:
        sys.stderr.write(f"out of date: {names}: run python docs/generate.py\n")
        return 1
    sys.stdout.write(f"written: {names}\n" if stale else "up to date\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
