"""南通自然资源局 answers enquiries about real estate 不动产登记信息查询, by a service of its own .proto."""

from collections.abc import Iterator, Mapping, Sequence

from tongban.core import Asked, Column, PluginSettings, Service, ServiceError, StatusCode, hookimpl
from tongban_nantong_enquiry import enquiry_pb2 as pb

COUNTER = "南通市不动产登记中心 3 号窗口（示例）"


class Enquiry:
    """The methods of EnquiryService, named as there."""

    def __init__(self, rows: Sequence[Mapping[str, str]]) -> None:
        self._rows = sorted(rows, key=lambda row: row["number"])

    def GetEstate(self, request: pb.GetEstateRequest, asked: Asked) -> pb.GetEstateResponse:
        """Return one unit, or a status of our own."""
        for row in self._rows:
            if row["number"] == request.number:
                return pb.GetEstateResponse(estate=_estate(row))
        notice = pb.Notice(counter=COUNTER)
        raise ServiceError(StatusCode.NOT_FOUND, "登记簿中没有该不动产单元", [notice])

    def ListEstates(self, request: pb.ListEstatesRequest, asked: Asked) -> Iterator[pb.ListEstatesResponse]:
        """Yield the units of an owner, and say behind them as of when."""
        owner = (request.name, request.resident_id)
        for row in self._rows:
            if (row["name"], row["resident_id"]) == owner:
                yield pb.ListEstatesResponse(estate=_estate(row))
        asked.trail("register-as-of", "2026-09-30")


@hookimpl
def tongban_services(settings: PluginSettings) -> list[Service]:
    """Bring the service, with the register that the operator's settings name."""
    yes_or_no = Column("mortgaged", choices=("0", "1"))
    rows = settings.rows("register", "number", "name", "resident_id", "address", "square_metres", yes_or_no)
    return [Service(pb.DESCRIPTOR.services_by_name["EnquiryService"], Enquiry(rows))]


def _estate(row: Mapping[str, str]) -> pb.Estate:
    return pb.Estate(
        number=row["number"],
        address=row["address"],
        square_metres=float(row["square_metres"]),
        mortgaged=row["mortgaged"] == "1",
    )
