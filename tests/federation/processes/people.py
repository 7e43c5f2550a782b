"""Members, people, firms and items of the tests' federation; the people and firms are synthetic."""

from importlib.resources import files
from pathlib import Path

from tongban.core import Party
from tongban.core.identifiers import synthetic_credit_code, synthetic_resident_id

from ..scripted.tongban_scripted import METHODS

CHONGMING, QIDONG, HANGZHOU, HEFEI = "310151", "320681", "330100.gjj", "340100"

FIRM = Party("启东虚构渔网有限公司", synthetic_credit_code("320681", 21), is_organisation=True)
AGENT = Party("沙洲丙", synthetic_resident_id("310151", 21))
BORROWER = Party("钱塘丙", synthetic_resident_id("330106", 21))
APPLICANT = Party("庐州甲", synthetic_resident_id("340102", 21))
"""Whose matters 合肥 handles, or fails to."""

ITEM, LOAN_ITEM = "00013112700402", "HZGJJ-LOAN-REPAID"
IDENTITY = "/tongban.api.identity.v1.IdentityService/VerifyIdentity"
CREDIT = "/tongban.api.credit.v1.CreditService/QueryCredit"
PURPOSE = "办件核验"

_PLAN = f"""\
federation = "通办测试"

[[node]]
member = "{CHONGMING}"
name = "上海崇明"
files = ["population.csv", "entities.csv"]
[node.plugins.identity]
population = "population.csv"
entities = "entities.csv"

[[node]]
member = "{QIDONG}"
name = "江苏启东"
files = ["items.toml", "credit.csv"]
[node.plugins.desk]
items = "items.toml"
[node.plugins.credit]
register = "credit.csv"

[[agreement]]
name = "registration"
parties = ["{CHONGMING}", "{QIDONG}"]
contact = "启东市数据局(测试)"
valid_days = 30
[[agreement.case]]
id = "company-change"
intake = "{CHONGMING}"
handling = "{QIDONG}"
items = ["{ITEM}"]
mode = "proxy_intake"
[[agreement.lookup]]
id = "credit"
asking = "{CHONGMING}"
answering = "{QIDONG}"
method = "{CREDIT}"
purposes = ["{PURPOSE}"]
[[agreement.lookup]]
id = "identity"
asking = "{QIDONG}"
answering = "{CHONGMING}"
method = "{IDENTITY}"
purposes = ["{PURPOSE}"]
"""

_TWO_MORE = f"""
[[node]]
member = "{HANGZHOU}"
name = "杭州公积金中心"
files = ["loans.csv"]
[node.plugins.hangzhou-gjj]
loans = "loans.csv"
[node.plugins.scripted]

[[node]]
member = "{HEFEI}"
name = "安徽合肥"
[node.plugins.bad]

[[agreement]]
name = "housing-fund"
parties = ["{CHONGMING}", "{HANGZHOU}"]
valid_days = 30
[[agreement.case]]
id = "loan-paid-off"
intake = "{CHONGMING}"
handling = "{HANGZHOU}"
items = ["{LOAN_ITEM}"]
mode = "proxy_intake"
__SCRIPT__
[[agreement]]
name = "trial"
parties = ["{CHONGMING}", "{HEFEI}"]
valid_days = 30
[[agreement.case]]
id = "trial"
intake = "{CHONGMING}"
handling = "{HEFEI}"
items = [__ITEMS__]
mode = "proxy_intake"
[[agreement.lookup]]
id = "identity"
asking = "{CHONGMING}"
answering = "{HEFEI}"
method = "{IDENTITY}"
purposes = ["{PURPOSE}"]
[[agreement.lookup]]
id = "credit"
asking = "{CHONGMING}"
answering = "{HEFEI}"
method = "{CREDIT}"
purposes = ["{PURPOSE}"]
"""


_SCRIPT_ROW = f"""\
[[agreement.lookup]]
id = "script-__METHOD__"
asking = "{CHONGMING}"
answering = "{HANGZHOU}"
method = "/scripted.v1.ScriptService/__METHOD__"
purposes = ["照办"]
"""


def plan_of_two(folder: Path) -> Path:
    """Write the plan of 崇明 and 启东 with their registers, and return its path."""
    return _written(folder, _PLAN)


def plan_of_four(folder: Path, items: list[str]) -> Path:
    """Write the plan of all four members; 合肥 handles these items."""
    listed = ", ".join(f'"{code}"' for code in items)
    rows = "".join(_SCRIPT_ROW.replace("__METHOD__", method) for method in METHODS)
    return _written(folder, _PLAN + _TWO_MORE.replace("__ITEMS__", listed).replace("__SCRIPT__", rows))


def _written(folder: Path, plan: str) -> Path:
    texts = {
        "plan.toml": plan,
        "population.csv": f"name,resident_id\n{AGENT.name},{AGENT.number}\n",
        "entities.csv": f"name,credit_code\n{FIRM.name},{FIRM.number}\n",
        "credit.csv": f"""\
credit_code,kind,title,authority,recorded_on,shown_until,repaired
{FIRM.number},COMPLIANCE,按期公示年度报告,启东市虚构市场监督管理局,2026-03-02,,0
""",
        "loans.csv": f"""\
resident_id,name,loan_number,repaid_on
{BORROWER.number},{BORROWER.name},试-0001,2026-05-08
""",
        "items.toml": (files("tongban.plugins") / "desk/examples/company-registration.toml").read_text("utf-8"),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "plan.toml"
