"""``tongban evidence``: the evidence log as a file, and its verification, which needs no node."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from tongban.federation.cli.command import command
from tongban.federation.cli.doors import admin_door
from tongban.federation.cli.exit_codes import ExitCode
from tongban.federation.cli.options import HERE, Home
from tongban.federation.cli.output import Ended

if TYPE_CHECKING:
    from tongban.core.sealing import Keys

app = typer.Typer(help="Export the evidence log, and verify one.", no_args_is_help=True)


@command(app, "export")
def export(
    file: Annotated[Path, Argument(metavar="FILE", help="File for the log.")], home: Home = HERE
) -> dict[str, Any]:
    """Write the running node's evidence log to a file that anybody can verify."""
    from tongban.core.evidence import write

    new = file.with_name(f"{file.name}.new")
    with admin_door(home) as client, new.open("wb") as stream:
        write(stream, client.evidence())
    new.replace(file)
    return {"file": str(file), "bytes": file.stat().st_size}


@command(app, "verify")
def verify(
    file: Annotated[Path, Argument(metavar="FILE", help="A log that `tongban evidence export` wrote.")],
    directory: Annotated[
        Path | None, Option(help="Directory of the federation, from somebody you trust: it says whose keys are whose.")
    ] = None,
    key: Annotated[Path | None, Option(help="Public key of the log's member, PEM, in place of a directory.")] = None,
) -> Ended:
    """Verify a log: every record, checkpoint and seal. It needs no node. What was changed is named."""
    from tongban.core.evidence import verify_file

    with file.open("rb") as stream:
        found = verify_file(stream, _keys(directory, key))
    answer = {
        "verified": not found.problems,
        "member": found.member,
        "records": found.records,
        "covered": found.covered,
        "checkpoints": found.checkpoints,
        "notes": found.notes(),
        "problems": [{"place": one.place, "what": one.what} for one in found.problems],
    }
    return Ended(answer, ExitCode.EVIDENCE_WRONG if found.problems else ExitCode.OK)


def _keys(directory: Path | None, key: Path | None) -> "Keys | None":
    from tongban.api.documents.v1.documents_pb2 import Document
    from tongban.core.sealing import KeyRing
    from tongban.federation.formation import FormationError, read_document
    from tongban.federation.formation.keys import OneKey, read_public_key

    if key:
        return OneKey(read_public_key(key, "public key of a member"))
    if not directory:
        return None
    document = Document.FromString(read_document(directory, "directory").document)
    if not document.HasField("directory"):
        raise FormationError(f"{directory} cannot be used", ["it is no directory; name the federation's directory"])
    keys = {(member.id, one.key_id): one for member in document.directory.members for one in member.keys}
    return KeyRing(keys)
