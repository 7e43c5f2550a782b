"""The page of settings, from the models that read them."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pages.markdown import prose, table
from tongban.federation.carriers.settings import FolderCarrier, GrpcCarrier, HttpCarrier, RelayCarrier
from tongban.federation.formation import toml_text
from tongban.federation.settings import Settings

_CARRIERS: Mapping[str, type[BaseModel]] = {
    "http": HttpCarrier,
    "folder": FolderCarrier,
    "relay": RelayCarrier,
    "grpc": GrpcCarrier,
}


def text() -> str:
    """Return a section for each table of node.toml."""
    return "\n\n".join(f"## {title}\n\n{lead}\n\n{_table(model)}" for title, lead, model in _tables())


def _tables() -> Iterator[tuple[str, str, type[BaseModel]]]:
    yield "Top of the file", "Keys before the first table.", Settings
    for name, field in Settings.model_fields.items():
        if model := _model(field):
            yield f"[{name}]", prose(model.__doc__ or ""), model

    for kind, keys in _CARRIERS.items():
        yield f'[carriers."MEMBER"], kind = "{kind}"', prose(keys.__doc__ or ""), keys


def _table(model: type[BaseModel]) -> str:
    keys = {field.alias or name: field for name, field in model.model_fields.items() if not _is_table(name, field)}
    schema = model.model_json_schema()["properties"]
    rows = [
        [f"`{key}`", _type(schema[key]), _default(field), prose(field.description or "")] for key, field in keys.items()
    ]
    return table(["Key", "Type", "Default", "Meaning"], rows)


def _is_table(name: str, field: FieldInfo) -> bool:
    return _model(field) is not None or name == "carriers"


def _model(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _type(schema: dict[str, Any]) -> str:
    kinds = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    if schema["type"] == "array":
        return f"list of {kinds[schema['items']['type']]}s"
    return kinds[schema["type"]] + _bounds(schema)


def _bounds(schema: dict[str, Any]) -> str:
    words = {
        "minimum": "at least {}",
        "exclusiveMinimum": "more than {}",
        "maximum": "at most {}",
        "minLength": "at least {} characters",
        "maxLength": "at most {} characters",
    }
    told = [text.format(f"{schema[key]:g}") for key, text in words.items() if key in schema]
    return f", {', '.join(told)}" if told else ""


def _default(field: FieldInfo) -> str:
    return "required" if field.is_required() else f"`{toml_text.value(field.default)}`"
