"""The file that describes the desk's items, checked whole before any of it is used."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import tomli
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic import Field as Rule
from pydantic_core import ErrorDetails, PydanticCustomError

from tongban.core import DecidingFact, Field, Item, ItemType, Required, SettingError
from tongban.core.identifiers import FORMATS

_REMEDIES = {"missing": "add the key", "extra_forbidden": "remove the key or correct its spelling"}


def _known_format(name: str) -> str:
    if name and name not in FORMATS:
        raise PydanticCustomError("format", "Input should be one of {names}", {"names": ", ".join(FORMATS)})
    return name


def _division(code: str) -> str:
    if problem := FORMATS["division"](code):
        raise PydanticCustomError("division", "{problem}", {"problem": problem})
    return code


def _text(most: int, pattern: str | None = None) -> StringConstraints:
    return StringConstraints(min_length=1, max_length=most, pattern=pattern)


# The limits are those of the contract tongban.api.catalogue.v1, in which the items are published.
_Name = Annotated[str, _text(64, r"^[a-z][a-z0-9_]*$")]
_Title = Annotated[str, _text(100)]
_MediaType = Annotated[str, _text(100, r"^[a-z0-9.+-]+/[a-z0-9.+-]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Field(_Strict):
    name: _Name
    label: _Title
    required: bool = True
    max_len: Annotated[int, Rule(ge=1, le=1000)] = 1000
    format: Annotated[str, AfterValidator(_known_format)] = ""


class _Material(_Strict):
    code: _Name
    name: Annotated[str, _text(200)]
    required: bool = True
    max_bytes: Annotated[int, Rule(ge=1, le=16 << 30)] = 20 << 20
    media_types: Annotated[tuple[_MediaType, ...], Rule(max_length=20, strict=False)] = ()


class _Item(_Strict):
    code: Annotated[str, _text(50, r"^[0-9A-Za-z.-]+$")]
    name: Annotated[str, _text(200)]
    type: Annotated[ItemType, Rule(strict=False)]
    deciding_fact: Annotated[DecidingFact, Rule(strict=False)]
    result_title: _Title
    form: Annotated[list[_Field], Rule(max_length=200)] = []
    materials: Annotated[list[_Material], Rule(max_length=100)] = []
    version: Annotated[int, Rule(ge=1)] = 1
    promised_days: Annotated[int, Rule(ge=0, le=365)] = 0
    correction_days: Annotated[int, Rule(ge=1, le=365)] = 5
    places: Annotated[list[Annotated[str, AfterValidator(_division)]], Rule(max_length=1000)] = []
    implementation_code: Annotated[str, StringConstraints(max_length=36, pattern=r"^[0-9A-Za-z.-]*$")] = ""

    def item(self) -> Item:
        form = [Field(**dict(field)) for field in self.form]
        materials = [Required(**dict(material)) for material in self.materials]
        return Item(**{**dict(self), "form": form, "materials": materials})


class _Items(_Strict):
    item: Annotated[list[_Item], Rule(min_length=1)]


def read_items(path: Path) -> list[Item]:
    """Read the items of a TOML file.

    Raises:
        SettingError: the file is no TOML, or breaks rules. All of them are told, each with item, key, rule and remedy.
    """
    values = _parse(path)
    problems = list(_repeated(values))
    try:
        described = _Items.model_validate(values)
    except ValidationError as error:
        problems = [_told(values, one) for one in error.errors()] + problems
    if problems:
        raise SettingError("\n  ".join([f"setting items names {path}, which breaks these rules:", *problems]))
    return [one.item() for one in described.item]


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomli.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingError(
            f"setting items names {path}, which cannot be read: {error.strerror}; let the node read it"
        ) from None
    except ValueError as error:
        raise SettingError(
            f"setting items names {path}, which must be TOML in UTF-8: {error}; correct the file"
        ) from None


def _told(values: Mapping[str, Any], error: ErrorDetails) -> str:
    remedy = _REMEDIES.get(error["type"], "correct the value")
    match error["loc"]:
        case ("item", int(place), *keys):
            return f"{_called(values['item'], place)}, {_key(keys)}: {error['msg']}; {remedy}"
        case keys:
            return f"{_key(keys)}: {error['msg']}; {remedy}"


def _called(items: list[Any], place: int) -> str:
    """Name an item for people: by place, and by code if it has one."""
    code = items[place].get("code", "") if isinstance(items[place], dict) else ""
    return f"item {place + 1} ({code})" if code else f"item {place + 1}"


def _key(keys: Any) -> str:
    return ".".join(str(key + 1) if isinstance(key, int) else key for key in keys) or "item"


def _repeated(values: Mapping[str, Any]) -> Iterator[str]:
    """Tell codes that are given twice; a correction names fields and materials alike by theirs."""
    items = values.get("item")
    for code in _twice(_strings(items, "code")):
        yield f"item {code}, code: must be given to one item only; join the two or change one"
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict):
            names = _strings(item.get("form"), "name") + _strings(item.get("materials"), "code")
            for name in _twice(names):
                yield f"item {item.get('code')}, form or materials: {name} must be given once; rename one"


def _strings(tables: object, key: str) -> list[str]:
    rows = tables if isinstance(tables, list) else []
    return [row[key] for row in rows if isinstance(row, dict) and isinstance(row.get(key), str)]


def _twice(names: list[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
