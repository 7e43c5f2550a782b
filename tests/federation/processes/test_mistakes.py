"""Mistakes that people make, and that must neither pass nor leave a trace of what they gave away."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from tongban.api.documents.v1.documents_pb2 import Agreement, SignedDocument
from tongban.core import codes
from tongban.core.documents import new_document
from tongban.core.errors import Refusal
from tongban.core.evidence import write
from tongban.core.testing.federation import Federation
from tongban.core.testing.processes import command
from tongban.core.times import wall_clock

from .people import AGENT, CHONGMING, QIDONG


def test_a_personal_number_as_the_officer_is_refused_and_recorded_nowhere(federation: Federation) -> None:
    with federation.window(CHONGMING, officer=AGENT.number) as window, pytest.raises(Refusal) as caught:
        window.verify_person(AGENT.name, AGENT.number, purpose="核验")
    assert caught.value.code is codes.INVALID_FIELD
    assert caught.value.field == "context.officer"
    with federation.admin(CHONGMING) as admin:
        log = b"".join(part.SerializeToString() for part in admin.evidence())
    assert AGENT.number.encode() not in log


def test_an_agreement_signed_twice_by_a_member_bears_one_seal_of_it(federation: Federation) -> None:
    terms = Agreement(name="twice", parties=[CHONGMING, QIDONG])
    document = new_document(terms, 1, wall_clock(), timedelta(days=1), timedelta(days=2))
    with federation.admin(CHONGMING) as admin:
        once = admin.sign_agreement(SignedDocument(document=document.SerializeToString()))
        assert admin.sign_agreement(once) == once


def test_evidence_is_not_accused_when_the_directory_is_none(federation: Federation, tmp_path: Path) -> None:
    log = tmp_path / "log.evidence"
    with federation.admin(CHONGMING) as admin, log.open("wb") as file:
        write(file, admin.evidence())
    wrong = command("evidence", "verify", str(log), "--directory", str(federation.agreements[0]))
    ended = subprocess.run(wrong, capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert "it is no directory" in ended.stderr
