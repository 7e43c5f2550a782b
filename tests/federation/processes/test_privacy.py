"""What a node writes down in the clear names no person: database, logs, evidence."""

from pathlib import Path

from tongban.api.cases.v1.cases_pb2 import CASE_STATE_APPROVED, CASE_STATE_CORRECTION
from tongban.core import Approve, Party, codes
from tongban.core.client import Client
from tongban.core.evidence import write
from tongban.core.identifiers import synthetic_resident_id
from tongban.core.testing.federation import Federation, eventually

from .looking import await_state, refusal_of, submit_company_change
from .people import CHONGMING, HEFEI, ITEM, PURPOSE, QIDONG

PERSON = Party("欧阳金丝雀", synthetic_resident_id("340102", 31))
WRONG = PERSON.number[:-1] + ("0" if PERSON.number[-1] != "0" else "1")


def go_wrong_and_right(federation: Federation, clerk: Client) -> None:
    """Have a person go through what works and what fails, here and there."""
    case_id = submit_company_change(clerk, agent=PERSON)
    await_state(clerk, case_id, CASE_STATE_CORRECTION)
    for to in ("", HEFEI):
        clerk.verify_person(PERSON.name, PERSON.number, to=to, purpose=PURPOSE)
        refusal_of(
            lambda to=to: clerk.verify_person(PERSON.name, WRONG, to=to, purpose=PURPOSE),  # type: ignore[misc]
            codes.INVALID_FIELD,
        )
    clerk.verify_person("庐州报错", PERSON.number, to=HEFEI, purpose=PURPOSE)
    refusal_of(
        lambda: clerk.submit(ITEM, deciding_place="320681", applicant=Party(PERSON.name, WRONG)), codes.INVALID_FIELD
    )
    failing = clerk.submit("RAISE-ERROR", deciding_place="340100", applicant=PERSON).case_id
    with federation.window(HEFEI) as officer:
        eventually(lambda: "handler" in officer.case(failing).summary.hindrance)
        officer.decide(failing, Approve("准予。"))
    await_state(clerk, failing, CASE_STATE_APPROVED)


def test_no_number_of_a_person_is_written_in_the_clear(federation: Federation, clerk: Client, tmp_path: Path) -> None:
    go_wrong_and_right(federation, clerk)
    for member in (CHONGMING, QIDONG, HEFEI):
        evidence = tmp_path / member
        with federation.admin(member) as admin, evidence.open("wb") as file:
            write(file, admin.evidence())
        home = federation.places[member].home
        assert b"SubmitCase" in evidence.read_bytes() or member != CHONGMING
        for path in (evidence, *home.glob("node.db*"), home / "node.log"):
            written = path.read_bytes()
            for secret in (PERSON.number, WRONG):
                assert secret.encode() not in written, path
            if path.name != "node.log":  # There, a name can stand in what a plugin's error says.
                assert PERSON.name.encode() not in written, path
