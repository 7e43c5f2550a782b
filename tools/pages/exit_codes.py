"""The page of exit codes."""

from tongban.federation.cli.exit_codes import ExitCode


def text() -> str:
    """Return a section for each code."""
    return "\n\n".join(f"## {int(code)} {code.name}\n\n{code.help}" for code in ExitCode)
