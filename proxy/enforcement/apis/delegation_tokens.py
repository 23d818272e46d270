"""Delegation tokens: a broker that has them switched off looks at who asks before it says so."""

from __future__ import annotations

from typing import Any, Final

from kio.schema.errors import ErrorCode

from policies.model import Principal
from protocol.apis import ApiKey
from proxy.enforcement.call import Call
from proxy.enforcement.clauses import refusal
from proxy.enforcement.rights import CREATE_TOKENS
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Answer, Verdict

_ANONYMOUS: Final = "User:ANONYMOUS"
_USER: Final = "User"
_NEVER: Final = -1
_SWITCHED_OFF: Final = ErrorCode.delegation_token_auth_disabled
_NOT_ALLOWED: Final = ErrorCode.delegation_token_request_not_allowed


def _may_ask(call: Call) -> bool:
    """A connection whose other end nobody knows is refused; one that authenticated with a token there is none."""
    return str(call.access.principal) != _ANONYMOUS


def judge_create(call: Call) -> Verdict:
    """Judge a CreateDelegationToken; a token for oneself needs no right."""
    owner = _owner(call)
    if not _may_ask(call):
        return _without_token(call, owner, _NOT_ALLOWED)
    if owner != call.access.principal and not call.access.allows(CREATE_TOKENS, str(owner)):
        return _without_token(call, owner, CREATE_TOKENS.error)
    if any(renewer.principal_type != _USER for renewer in call.request.renewers):
        return _without_token(call, owner, ErrorCode.invalid_principal_type)
    return _without_token(call, owner, _SWITCHED_OFF, timestamp=0)


def _owner(call: Call) -> Principal:
    name = getattr(call.request, "owner_principal_name", None)
    return Principal(call.request.owner_principal_type or "", name) if name else call.access.principal


def _without_token(call: Call, owner: Principal, error: ErrorCode, timestamp: int = _NEVER) -> Verdict:
    requester = call.access.principal
    times: dict[str, Any] = dict.fromkeys(("issue_timestamp", "expiry_timestamp", "max_timestamp"), timestamp)
    return Answer(
        call.build_answer(
            error_code=error,
            principal_type=owner.type,
            principal_name=owner.name,
            token_requester_principal_type=requester.type,
            token_requester_principal_name=requester.name,
            **times,
        )
    )


def judge_change(call: Call) -> Verdict:
    """Judge a RenewDelegationToken or ExpireDelegationToken: no right is asked for."""
    if not _may_ask(call):
        return Answer(call.build_answer(error_code=_NOT_ALLOWED, expiry_timestamp=_NEVER))
    return Answer(refusal(call, _SWITCHED_OFF))


def judge_describe(call: Call) -> Verdict:
    """Judge a DescribeDelegationToken: there is no token to ask for rights on."""
    return Answer(refusal(call, _SWITCHED_OFF if _may_ask(call) else _NOT_ALLOWED))


_ASKING: Final = "Whoever is not authenticated is answered DELEGATION_TOKEN_REQUEST_NOT_ALLOWED."
_OFF: Final = "All others are answered DELEGATION_TOKEN_AUTH_DISABLED, without the broker."

RULES: Final = (
    ApiRule(
        ApiKey.CREATE_DELEGATION_TOKEN,
        judge=judge_create,
        summary=(
            f"{_ASKING} CreateTokens on the User for whom a token is asked, if that is somebody else, else "
            f"DELEGATION_TOKEN_AUTHORIZATION_FAILED. Renewers must be users, else INVALID_PRINCIPAL_TYPE. {_OFF}"
        ),
        claims=frozenset({"owner_principal_type", "owner_principal_name", "renewers.principal_type"}),
    ),
    ApiRule(ApiKey.RENEW_DELEGATION_TOKEN, judge=judge_change, summary=f"{_ASKING} {_OFF}"),
    ApiRule(ApiKey.EXPIRE_DELEGATION_TOKEN, judge=judge_change, summary=f"{_ASKING} {_OFF}"),
    ApiRule(ApiKey.DESCRIBE_DELEGATION_TOKEN, judge=judge_describe, summary=f"{_ASKING} {_OFF}"),
)
