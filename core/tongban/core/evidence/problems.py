"""What the verification of an evidence log found."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it was written."""

    place: str
    """Where: ``record 17``, ``checkpoint 3 over 20 records``, ``after record 99``."""
    what: str
    """What is wrong there, in words."""


@dataclass(slots=True)
class Findings:
    """All that was found in a log; it verifies if there are no problems."""

    member: str = ""
    """Member whose log it is."""
    records: int = 0
    """Records in the file."""
    covered: int = 0
    """Records, from the first on, that a right checkpoint covers; those after them are not proved yet."""
    checkpoints: int = 0
    """Checkpoints in the file."""
    unchecked_seals: int = 0
    """Seals in records for which no key was at hand: those of peers, unless a directory is given."""
    open_streams: int = 0
    """Streams that were opened and have no end in the file: they were under way, or the node was killed."""
    keys_from_file: bool = False
    """Whether only the file itself says which keys are the member's; whoever wrote it could have made them up."""
    problems: list[Problem] = field(default_factory=list)

    def notes(self) -> list[str]:
        """Return what a reader should know and what is no problem."""
        notes = []
        if self.keys_from_file and self.member:
            notes.append(
                "the keys come from the file itself; give the federation's directory to be sure whose log it is"
            )
        if self.records > self.covered:
            notes.append(f"records {self.covered} to {self.records - 1} are under no checkpoint of this file yet")
        if self.unchecked_seals:
            notes.append(f"{self.unchecked_seals} seals of messages were not checked, for want of their members' keys")
        if self.open_streams:
            notes.append(f"{self.open_streams} streams were opened and have no end in this file")
        return notes
