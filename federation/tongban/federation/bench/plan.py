"""The federation that is measured: an intake and a handling member, and a synthetic person in the registers of both."""

from pathlib import Path

from tongban.api.cases.v1.cases_pb2 import SubmitCaseRequest
from tongban.api.common.v1.common_pb2 import CallContext, Party, Person
from tongban.api.identity.v1.identity_pb2 import VerifyIdentityRequest
from tongban.core.identifiers import synthetic_resident_id

INTAKE, HANDLING = "310151", "320681"

IDENTITY = "/tongban.api.identity.v1.IdentityService/VerifyIdentity"
_ITEM, _PURPOSE = "BENCH-1", "性能测试"
_PERSON = Person(name="沙洲甲", resident_id=synthetic_resident_id(INTAKE, 7))

_ITEMS = f"""\
[[item]]
code = "{_ITEM}"
name = "性能测试事项"
type = "PUBLIC_SERVICE"
deciding_fact = "REGISTRATION"
result_title = "性能测试结果"

[[item.form]]
name = "new_address"
label = "变更后住所"
"""

_PLAN = f"""\
federation = "性能测试"

[[node]]
member = "{INTAKE}"
name = "上海崇明"
files = ["population.csv"]

[node.plugins.identity]
population = "population.csv"

[[node]]
member = "{HANDLING}"
name = "江苏启东"
files = ["population.csv", "items.toml"]

[node.plugins.identity]
population = "population.csv"

[node.plugins.desk]
items = "items.toml"

[[agreement]]
name = "bench"
parties = ["{INTAKE}", "{HANDLING}"]
valid_days = 30

[[agreement.case]]
id = "case"
intake = "{INTAKE}"
handling = "{HANDLING}"
items = ["{_ITEM}"]
mode = "proxy_intake"

[[agreement.lookup]]
id = "identity"
asking = "{INTAKE}"
answering = "{HANDLING}"
method = "{IDENTITY}"
purposes = ["{_PURPOSE}"]
"""


BARE_BODY = bytes(200)
"""What bare servers get: about as much as a look-up and its answer have."""


def write(folder: Path) -> Path:
    """Write plan, register and items into a new folder, and return the plan's path."""
    folder.mkdir(parents=True)
    texts = {
        "plan.toml": _PLAN,
        "items.toml": _ITEMS,
        "population.csv": f"name,resident_id\n{_PERSON.name},{_PERSON.resident_id}\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "plan.toml"


def lookup() -> bytes:
    """Return the question of every look-up."""
    return VerifyIdentityRequest(party=Party(person=_PERSON)).SerializeToString()


def submission() -> bytes:
    """Return what is handed in, without the request id that makes each case one of its own."""
    form = {"new_address": "江苏省启东市虚构路 1 号"}
    request = SubmitCaseRequest(item_code=_ITEM, deciding_place=HANDLING, applicant=Party(person=_PERSON), form=form)
    return request.SerializeToString()


def context(to: str = "") -> bytes:
    """Return what a window says about each call."""
    return CallContext(to=to, purpose=_PURPOSE, officer="zhang.w").SerializeToString()
