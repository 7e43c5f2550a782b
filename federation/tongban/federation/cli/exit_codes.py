"""Exit codes of the command line. A number is never used again for anything else."""

from enum import IntEnum, unique


@unique
class ExitCode(IntEnum):
    """What the status of a command says."""

    help: str
    """What happened and what to do, for people."""

    def __new__(cls, number: int, text: str) -> "ExitCode":
        """Return the code with this number."""
        code = int.__new__(cls, number)
        code._value_ = number
        code.help = text
        return code

    # Every command
    OK = 0, "The command did what it was asked."
    UNEXPECTED = (
        1,
        "Something happened that nobody foresaw. Run the command again with --debug and report what it says.",
    )
    USAGE = (
        2,
        "The command line is wrong: an unknown option, a missing argument. `tongban COMMAND --help` shows the form.",
    )

    # Files that people write or name
    SETTINGS_WRONG = (
        3,
        "A settings, terms or plan file is wrong, or a folder is not what it must be. The error names each key.",
    )

    # The node
    NODE_UNREACHABLE = 4, "No node answers. Start it with `tongban node run`, or correct --home or --node."
    REFUSED = 5, "The node answered and refused. The error's code says why, and its remedy what to do."

    # Evidence
    EVIDENCE_WRONG = 6, "The evidence log does not verify. The output names each record or checkpoint that was changed."

    # Starting a node
    NODE_TAKEN = 7, "Another process owns the node's store or listens at its address. Stop it, or change the address."

    # Files again
    FILE_FAILED = 8, "A file or folder could not be read or written. The error names it."

    # The demonstration
    DEMO_FAILED = 9, "A claim of the demonstration did not hold. It names the claim, and the nodes' logs say more."

    # The bench
    BENCH_FAILED = 10, "Something that was to be measured did not work. The error says what, and names the nodes' logs."
