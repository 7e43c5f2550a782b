"""Every method of every contract has a policy, and no policy is wider than it is meant to be."""

from importlib import import_module

from google.protobuf.descriptor import FileDescriptor

from tongban.api import include_dir
from tongban.federation.calls import Door
from tongban.federation.policies import LOOKUP, POLICIES, Kind

CARRIED = {f"/tongban.api.exchange.v1.ExchangeService/{name}" for name in ("Link", "Stream")}
"""What carries messages, which come to the node one by one."""

API = "/tongban.api."


def declared() -> set[str]:
    """Return every method of every service in the contracts."""
    files = [_descriptor(path.relative_to(include_dir()).as_posix()) for path in include_dir().rglob("*.proto")]
    services = [service for file in files for service in file.services_by_name.values()]
    return {f"/{service.full_name}/{method.name}" for service in services for method in service.methods}


def _descriptor(proto: str) -> FileDescriptor:
    module = import_module(proto.removesuffix(".proto").replace("/", ".") + "_pb2")
    descriptor: FileDescriptor = module.DESCRIPTOR
    return descriptor


def of_door(door: Door) -> set[str]:
    return {method for method, policy in POLICIES.items() if door in policy.doors}


def test_every_method_has_a_policy_or_is_a_carriers() -> None:
    assert declared() == POLICIES.keys() | CARRIED
    assert not CARRIED & POLICIES.keys()


def test_a_window_without_a_role_sees_only_what_is_public() -> None:
    without = {method for method in of_door(Door.WINDOWS) if not POLICIES[method].roles}
    assert without == {
        f"{API}catalogue.v1.CatalogueService/ListItems",
        f"{API}catalogue.v1.CatalogueService/GetItem",
        f"{API}documents.v1.DocumentService/ListDocuments",
        f"{API}documents.v1.DocumentService/FetchDocument",
    }


def test_each_step_in_a_case_names_its_officer() -> None:
    assert {method for method, policy in POLICIES.items() if policy.officer} == {
        f"{API}cases.v1.CaseService/SubmitCase",
        f"{API}cases.v1.CaseService/SupplementCase",
        f"{API}cases.v1.CaseService/DecideCase",
    }


def test_peers_reach_neither_cases_nor_operators_methods() -> None:
    kinds = {POLICIES[method].kind for method in of_door(Door.PEERS)}
    assert kinds == {Kind.LOOKUP, Kind.RECORD, Kind.PUBLIC}


def test_operators_methods_are_at_the_operators_door_only() -> None:
    admin = {method for method, policy in POLICIES.items() if policy.kind is Kind.ADMIN}
    assert all(POLICIES[method].doors == {Door.ADMIN} for method in admin)
    assert admin == {method for method in POLICIES if ".admin." in method}


def test_only_what_is_public_and_mere_looks_of_operators_leave_no_evidence() -> None:
    silent = {method for method, policy in POLICIES.items() if not policy.recorded}
    looks = {f"{API}admin.v1.AdminService/{name}" for name in ("GetStatus", "ListWindows", "ListPlugins")}
    assert silent == looks | {method for method, policy in POLICIES.items() if policy.kind is Kind.PUBLIC}


def test_look_ups_are_forwarded_so_their_policy_is_that_of_unknown_methods() -> None:
    assert {method for method, policy in POLICIES.items() if policy == LOOKUP} == {
        f"{API}identity.v1.IdentityService/VerifyIdentity",
        f"{API}credit.v1.CreditService/QueryCredit",
    }
