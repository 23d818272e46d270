"""ACLs, SCRAM credentials and delegation tokens. Nothing here changes what anybody may do."""

from __future__ import annotations

from typing import Any

from protocol.apis import ApiKey
from tests.differential.acls import ALLOW, DESCRIBE, LITERAL, PREFIXED, TOPIC, USERS
from tests.differential.scripts.draw import Draw, one, script
from tests.differential.values import Script

ANY = 1
NOBODY = "User:of-no-consequence"


def _filter(draw: Draw) -> dict[str, Any]:
    return {
        "resource_type_filter": draw.choice([ANY, TOPIC]),
        "resource_name_filter": draw.maybe("of-no-consequence"),
        "pattern_type_filter": draw.choice([ANY, LITERAL]),
        "principal_filter": NOBODY,
        "host_filter": draw.maybe("10.9.9.9"),
        "operation": ANY,
        "permission_type": ANY,
    }


@script(ApiKey.DESCRIBE_ACLS)
def describe_acls(draw: Draw, version: int) -> Script:
    """Of somebody who has none."""
    return one(ApiKey.DESCRIBE_ACLS, version, **_filter(draw))


@script(ApiKey.DELETE_ACLS)
def delete_acls(draw: Draw, version: int) -> Script:
    """Of somebody who has none."""
    return one(ApiKey.DELETE_ACLS, version, filters=[_filter(draw) for _ in range(draw.randint(0, 3))])


@script(ApiKey.CREATE_ACLS, settles=True)
def create_acls(draw: Draw, version: int) -> Script:
    """For somebody who never comes."""
    creations = [
        {
            "resource_type": draw.choice([TOPIC, TOPIC, ANY]),
            "resource_name": "of-no-consequence",
            "resource_pattern_type": draw.choice([LITERAL, PREFIXED]),
            "principal": draw.choice([NOBODY, NOBODY, "no-type"]),
            "host": "10.9.9.9",
            "operation": DESCRIBE,
            "permission_type": ALLOW,
        }
        for _ in range(draw.randint(0, 3))
    ]
    return one(ApiKey.CREATE_ACLS, version, creations=creations)


@script(ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS)
def describe_user_scram_credentials(draw: Draw, version: int) -> Script:
    """Of users who have none here; a null list is never answered by Kafka where it is denied."""
    users = [{"name": draw.choice([*USERS, "x", ""])} for _ in range(draw.randint(0, 3))]
    return one(ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS, version, users=users)


@script(ApiKey.ALTER_USER_SCRAM_CREDENTIALS, settles=True)
def alter_user_scram_credentials(draw: Draw, version: int) -> Script:
    """What is not there is deleted, and what is too weak is refused."""
    names = ["z", "y", "z", "x", ""]
    deletions = [{"name": draw.choice(names), "mechanism": draw.choice([1, 2, 9])} for _ in range(draw.randint(0, 3))]
    weak = {"mechanism": 1, "iterations": 1, "salt": b"s", "salted_password": b"p"}
    upsertions = [weak | {"name": draw.choice(names)} for _ in range(draw.randint(0, 1))]
    return one(ApiKey.ALTER_USER_SCRAM_CREDENTIALS, version, deletions=deletions, upsertions=upsertions)


@script(ApiKey.CREATE_DELEGATION_TOKEN)
def create_delegation_token(draw: Draw, version: int) -> Script:
    """For oneself and for others."""
    owner = draw.maybe(draw.choice(USERS))
    return one(
        ApiKey.CREATE_DELEGATION_TOKEN,
        version,
        owner_principal_type=owner and "User",
        owner_principal_name=owner,
        renewers=draw.choice([[], [{"principal_type": draw.choice(["User", "Group"]), "principal_name": "x"}]]),
        max_lifetime=-1,
    )


@script(ApiKey.RENEW_DELEGATION_TOKEN)
def renew_delegation_token(draw: Draw, version: int) -> Script:
    """One that there is not."""
    return one(ApiKey.RENEW_DELEGATION_TOKEN, version, hmac=draw.choice([b"", b"x"]), renew_period=-1)


@script(ApiKey.EXPIRE_DELEGATION_TOKEN)
def expire_delegation_token(draw: Draw, version: int) -> Script:
    """One that there is not."""
    return one(ApiKey.EXPIRE_DELEGATION_TOKEN, version, hmac=draw.choice([b"", b"x"]), expiry_time_period=-1)


@script(ApiKey.DESCRIBE_DELEGATION_TOKEN)
def describe_delegation_token(draw: Draw, version: int) -> Script:
    """Of all, of some, of nobody."""
    owners: Any = [{"principal_type": "User", "principal_name": draw.choice(USERS)} for _ in range(draw.randint(0, 2))]
    return one(ApiKey.DESCRIBE_DELEGATION_TOKEN, version, owners=draw.maybe(owners, chance=0.7))
