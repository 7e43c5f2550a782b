"""Writes the plan of the demonstration's federation, and the registers of its members, into a folder."""

from importlib.resources import files
from pathlib import Path

from tongban.federation.demo.people import AGENT, BORROWER, CHONGMING, FIRM, HANGZHOU, QIDONG

ITEM = "00013112700402"
"""公司变更登记注册, as 启东 publishes it."""

LOAN_ITEM = "HZGJJ-LOAN-REPAID"
"""开具住房公积金个人住房贷款全部还清证明, as the example plugin of 杭州 publishes it."""

IDENTITY = "/tongban.api.identity.v1.IdentityService/VerifyIdentity"
IDENTITY_PURPOSE = "核验借款人身份"

_PLAN = f"""\
federation = "长三角(演示)"

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

[[node]]
member = "{HANGZHOU}"
name = "杭州公积金中心"
files = ["loans.csv"]

[node.plugins.hangzhou-gjj]
loans = "loans.csv"

[[agreement]]
name = "registration"
parties = ["{CHONGMING}", "{QIDONG}"]
contact = "请联系启东市数据局(演示) Ask the data office of 启东 (demonstration)."
valid_days = 30

[[agreement.case]]
id = "company-change"
intake = "{CHONGMING}"
handling = "{QIDONG}"
items = ["{ITEM}"]
mode = "proxy_intake"

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

[[agreement.lookup]]
id = "borrower-identity"
asking = "{HANGZHOU}"
answering = "{CHONGMING}"
method = "{IDENTITY}"
purposes = ["{IDENTITY_PURPOSE}"]
"""


def write(folder: Path) -> Path:
    """Write plan and registers into a folder, and return the plan's path."""
    folder.mkdir(parents=True)
    population = f"name,resident_id\n{AGENT.name},{AGENT.number}\n{BORROWER.name},{BORROWER.number}\n"
    credit = "credit_code,kind,title,authority,recorded_on,shown_until,repaired\n"
    credit += f"{FIRM.number},COMPLIANCE,按期公示年度报告,启东市虚构市场监督管理局,2026-03-02,,false\n"
    texts = {
        "plan.toml": _PLAN,
        "population.csv": population,
        "entities.csv": f"name,credit_code\n{FIRM.name},{FIRM.number}\n",
        "credit.csv": credit,
        "loans.csv": f"resident_id,name,loan_number,repaid_on\n{BORROWER.number},{BORROWER.name},GJJ-0001,2026-05-08\n",
        "items.toml": _example("tongban.plugins.desk", "company-registration.toml"),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "plan.toml"


def _example(package: str, name: str) -> str:
    return (files(package) / "examples" / name).read_text(encoding="utf-8")
