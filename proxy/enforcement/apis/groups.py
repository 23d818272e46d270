"""Classic consumer groups."""

from __future__ import annotations

from typing import Final

from kio.schema.errors import ErrorCode

from policies.model import ResourceType
from protocol.apis import ApiKey
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import Annotate, Cut, Gate, Hide, Require, field_of, itself, refused
from proxy.enforcement.operations import GROUP_OPERATIONS
from proxy.enforcement.rights import DELETE_GROUP, DESCRIBE_CLUSTER, DESCRIBE_GROUP, READ_GROUP
from proxy.enforcement.rule import ApiRule

_READ_THE_GROUP: Final = Gate(READ_GROUP, field_of("group_id"))
_GROUP_ID: Final = frozenset({"group_id"})
_WITH_PROTOCOL: Final = 5


def _names_its_protocol(call: Call) -> bool:
    request = call.request
    return call.version < _WITH_PROTOCOL or (request.protocol_type is not None and request.protocol_name is not None)


RULES: Final = (
    ApiRule(ApiKey.JOIN_GROUP, (_READ_THE_GROUP,), claims=_GROUP_ID),
    ApiRule(ApiKey.HEARTBEAT, (_READ_THE_GROUP,), claims=_GROUP_ID),
    ApiRule(ApiKey.LEAVE_GROUP, (_READ_THE_GROUP,), claims=_GROUP_ID),
    ApiRule(
        ApiKey.SYNC_GROUP,
        (
            Require(
                _names_its_protocol,
                ErrorCode.inconsistent_group_protocol,
                "version 5 names the protocol type and the protocol",
            ),
            _READ_THE_GROUP,
        ),
        claims=_GROUP_ID,
    ),
    ApiRule(
        ApiKey.DESCRIBE_GROUPS,
        (
            Cut("groups", DESCRIBE_GROUP, "groups", itself, refused("groups", named="group_id"), first=True),
            Annotate(
                "groups",
                GROUP_OPERATIONS,
                ResourceType.GROUP,
                field_of("group_id"),
                asked=lambda request: getattr(request, "include_authorized_operations", False),
            ),
        ),
        claims=frozenset({"groups"}),
    ),
    ApiRule(ApiKey.LIST_GROUPS, (Hide("groups", DESCRIBE_GROUP, field_of("group_id"), unless=DESCRIBE_CLUSTER),)),
    ApiRule(
        ApiKey.DELETE_GROUPS,
        (Cut("groups_names", DELETE_GROUP, "results", itself, refused("results", named="group_id"), distinct=True),),
        claims=frozenset({"groups_names"}),
    ),
)
