"""Whether the materials 申请材料 of a case are what its item asks for, and what they are said to be."""

from collections.abc import Iterable, Sequence

from tongban.api.cases.v1.acts_pb2 import CaseMaterial
from tongban.api.catalogue.v1.catalogue_pb2 import Item, MaterialRequirement
from tongban.core import codes
from tongban.core.errors import Refusal, invalid_field
from tongban.federation.calls import Step, writes
from tongban.federation.materials import types
from tongban.federation.materials.kept import Materials
from tongban.federation.store.units import Put, Unit

MOST_BYTES = 20 << 20
"""Most bytes of a material whose item says nothing."""


def check_asked(item: Item, given: Sequence[CaseMaterial]) -> None:
    """Refuse materials that the item does not ask for, and two under one code: handlers see one for each.

    Raises:
        Refusal: INVALID_FIELD.
    """
    asked = {one.code: one for one in item.materials}
    for place, material in enumerate(given):
        if material.code not in asked:
            rule = f"the item asks for no such material; it asks for {', '.join(sorted(asked)) or 'none'}"
            raise invalid_field(f"materials[{place}].code", rule)
        if material.code in [earlier.code for earlier in given[:place]]:
            rule = f"{material.code} is there already; put everything that meets one requirement into one file"
            raise invalid_field(f"materials[{place}].code", rule)
        _check_requirement(asked[material.code], material, f"materials[{place}]")


async def check_uploaded(given: Iterable[CaseMaterial], kept: Materials) -> None:
    """Refuse materials that were not uploaded, or are of another size or type; the others stay until the case has them.

    Raises:
        Refusal: MATERIAL_UNKNOWN, INVALID_FIELD.
    """
    for place, material in enumerate(given):
        size = kept.size(kept.member, material.digest)
        if size is None:
            raise Refusal(codes.MATERIAL_UNKNOWN, {"digest": material.digest}, field=f"materials[{place}].digest")
        if size != material.size:
            raise invalid_field(f"materials[{place}].size", f"the material has {size} bytes")
        kept.touch(kept.path(kept.member, material.digest))
        head = await kept.part(kept.member, material.digest, 0, types.HEAD)
        if problem := types.problem_of(material.media_type, head):
            raise invalid_field(f"materials[{place}].media_type", problem)


def names(given: Iterable[CaseMaterial], case_id: str) -> Step:
    """Return the step by which a case keeps what was uploaded for it."""
    digests = sorted({one.digest for one in given})
    rows = (Put("materials", {"digest": digest, "case_id": case_id}) for digest in digests)
    return writes(Unit(operations=tuple(rows)))


def _check_requirement(asked: MaterialRequirement, material: CaseMaterial, path: str) -> None:
    most = asked.max_bytes or MOST_BYTES
    if material.size > most:
        rule = f"{material.size} bytes, and the item takes at most {most} of {asked.code}; make the file smaller"
        raise invalid_field(f"{path}.size", rule)
    if asked.media_types and material.media_type not in asked.media_types:
        rule = f"the item takes {asked.code} as {' or '.join(asked.media_types)}; convert the file"
        raise invalid_field(f"{path}.media_type", rule)
