"""A window's credential as a file: node, token, certificate, so that a clerk names one file and not three."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tongban.federation.cli.options import WindowOptions
from tongban.federation.formation import toml_text
from tongban.federation.formation.errors import FormationError, parsed, read_file, read_toml
from tongban.federation.formation.keys import write_private


class WindowFile(BaseModel):
    """What the file holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    node: str = ""
    """Windows door, host:port."""
    token: str = ""
    ca: Path | None = None
    """Certificate of the node, PEM; a relative path starts where the file is."""
    officer: str = ""


def certificate_of(path: Path) -> Path:
    """Return where the node's certificate lies: beside the file."""
    return path.with_name(f"{path.name}.crt")


def check_new(path: Path) -> None:
    """Refuse to overwrite, before the node has made a token that is shown once.

    Raises:
        FormationError: the file or the certificate beside it is there.
    """
    there = [one for one in (path, certificate_of(path)) if one.exists()]
    if there or not path.parent.is_dir():
        problems = [f"{one} is there already; choose another name" for one in there]
        raise FormationError(f"{path} cannot be written", problems or [f"{path.parent} is no folder; make it first"])


def write(path: Path, node: str, token: str, certificate: bytes) -> None:
    """Write the file, and the node's certificate beside it; both must be new.

    Raises:
        FileExistsError: one of them is there.
    """
    content = {"node": node, "token": token, "ca": certificate_of(path).name}
    write_private(path, "".join(f"{key} = {toml_text.value(value)}\n" for key, value in content.items()).encode())
    write_private(certificate_of(path), certificate)


def credential(options: WindowOptions) -> WindowFile:
    """Return the credential that a command is to use.

    Raises:
        FormationError: the file is wrong, or neither file nor options say node and token.
    """
    stored = _read(options.window) if options.window else WindowFile()
    given = WindowFile(node=options.node, token=_token(options), ca=options.ca, officer=options.officer)
    window = stored.model_copy(update={key: value for key, value in given.model_dump().items() if value})
    missing = [
        f"--{key}: the option is missing; add it, or --window FILE"
        for key in ("node", "token")
        if not getattr(window, key)
    ]
    if missing:
        raise FormationError("the windows door cannot be called", missing)
    return window


def _token(options: WindowOptions) -> str:
    if options.token or not options.token_file:
        return options.token
    return read_file(options.token_file, "file with a token").decode(errors="replace").strip()


def _read(path: Path) -> WindowFile:
    window = parsed(WindowFile, read_toml(path, "window's file"), f"{path} cannot be used")
    return window.model_copy(update={"ca": path.parent / window.ca}) if window.ca else window
