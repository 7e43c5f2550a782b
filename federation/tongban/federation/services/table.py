"""Every method that a node answers itself, and what answers it."""

from collections.abc import Mapping

from tongban.federation.cases.handling import Handling
from tongban.federation.cases.intake import Intake
from tongban.federation.cases.reading import CaseReading
from tongban.federation.cases.replica import Replica
from tongban.federation.node import Handle
from tongban.federation.services.lookups import Lookups
from tongban.federation.services.materials import MaterialService
from tongban.federation.services.operating import Operating
from tongban.federation.services.public import Public

_API = "/tongban.api."


def table(
    public: Public,
    lookups: Lookups,
    materials: MaterialService,
    intake: Intake,
    handling: Handling,
    replica: Replica,
    reading: CaseReading,
    operating: Operating,
) -> Mapping[str, Handle]:
    """Return what answers each method."""
    return {
        f"{_API}catalogue.v1.CatalogueService/ListItems": public.list_items,
        f"{_API}catalogue.v1.CatalogueService/GetItem": public.get_item,
        f"{_API}documents.v1.DocumentService/ListDocuments": public.list_documents,
        f"{_API}documents.v1.DocumentService/FetchDocument": public.fetch_document,
        f"{_API}identity.v1.IdentityService/VerifyIdentity": lookups.verify_identity,
        f"{_API}credit.v1.CreditService/QueryCredit": lookups.query_credit,
        f"{_API}materials.v1.MaterialService/UploadMaterial": materials.upload,
        f"{_API}materials.v1.MaterialService/FetchMaterial": materials.fetch,
        f"{_API}cases.v1.CaseService/SubmitCase": intake.submit,
        f"{_API}cases.v1.CaseService/SupplementCase": intake.supplement,
        f"{_API}cases.v1.CaseService/DecideCase": handling.decide,
        f"{_API}cases.v1.CaseService/GetCase": reading.get,
        f"{_API}cases.v1.CaseService/ListCases": reading.list,
        f"{_API}cases.v1.CaseService/WatchCase": reading.watch,
        f"{_API}cases.v1.CaseService/GetResult": reading.result,
        f"{_API}exchange.v1.CaseExchangeService/DeliverAct": handling.deliver_act,
        f"{_API}exchange.v1.CaseExchangeService/DeliverEvent": replica.deliver_event,
        f"{_API}admin.v1.AdminService/GetStatus": operating.get_status,
        f"{_API}admin.v1.AdminService/AddWindow": operating.add_window,
        f"{_API}admin.v1.AdminService/RevokeWindow": operating.revoke_window,
        f"{_API}admin.v1.AdminService/ListWindows": operating.list_windows,
        f"{_API}admin.v1.AdminService/ImportDocument": operating.import_document,
        f"{_API}admin.v1.AdminService/SignAgreement": operating.sign_agreement,
        f"{_API}admin.v1.AdminService/ListPlugins": operating.list_plugins,
        f"{_API}admin.v1.AdminService/ExportEvidence": operating.export_evidence,
    }
