"""The federation of the rig: 崇明 takes matters in, 启东 handles them, officers there verify applicants in 崇明."""

from importlib.resources import files
from pathlib import Path

from tongban.core import Party
from tongban.core.identifiers import synthetic_credit_code, synthetic_resident_id

INTAKE, HANDLING = "310151", "320681"
ITEM = "00013112700402"
PURPOSE = "公司变更登记"

FIRM = Party("启东虚构船用五金有限公司", synthetic_credit_code("320681", 7), is_organisation=True)
AGENT = Party("沙洲甲", synthetic_resident_id("310151", 7))

_PLAN = f"""
federation = "通办试验"

[[node]]
member = "{INTAKE}"
name = "上海崇明"
files = ["population.csv"]
[node.plugins.identity]
population = "population.csv"

[[node]]
member = "{HANDLING}"
name = "江苏启东"
files = ["items.toml"]
[node.plugins.desk]
items = "items.toml"

[[agreement]]
name = "registration"
parties = ["{INTAKE}", "{HANDLING}"]
valid_days = 30

[[agreement.case]]
id = "registration"
intake = "{INTAKE}"
handling = "{HANDLING}"
items = ["{ITEM}"]
mode = "proxy_intake"

[[agreement.lookup]]
id = "identity"
asking = "{HANDLING}"
answering = "{INTAKE}"
method = "/tongban.api.identity.v1.IdentityService/VerifyIdentity"
purposes = ["{PURPOSE}"]
"""


def write(folder: Path) -> Path:
    """Write the plan and the registers of its members into a folder, and return the plan's path."""
    folder.mkdir(parents=True)
    population = f"name,resident_id\n{AGENT.name},{AGENT.number}\n"
    (folder / "population.csv").write_text(population, encoding="utf-8")
    example = files("tongban.plugins") / "desk/examples/company-registration.toml"
    (folder / "items.toml").write_bytes(example.read_bytes())
    (folder / "plan.toml").write_text(_PLAN, encoding="utf-8")
    return folder / "plan.toml"
