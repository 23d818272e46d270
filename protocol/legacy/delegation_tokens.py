"""The four APIs of delegation tokens in version 0: laid out as version 1, which only throttles in another way."""

from typing import Final

from kio.schema.create_delegation_token.v1.request import CreateDelegationTokenRequest
from kio.schema.create_delegation_token.v1.response import CreateDelegationTokenResponse
from kio.schema.describe_delegation_token.v1.request import DescribeDelegationTokenRequest
from kio.schema.describe_delegation_token.v1.response import DescribeDelegationTokenResponse
from kio.schema.expire_delegation_token.v1.request import ExpireDelegationTokenRequest
from kio.schema.expire_delegation_token.v1.response import ExpireDelegationTokenResponse
from kio.schema.renew_delegation_token.v1.request import RenewDelegationTokenRequest
from kio.schema.renew_delegation_token.v1.response import RenewDelegationTokenResponse

from protocol.legacy.shape import Pairs, at_version

CREATE_VERSIONS: Final[Pairs] = (
    (at_version(0, CreateDelegationTokenRequest), at_version(0, CreateDelegationTokenResponse)),
)
RENEW_VERSIONS: Final[Pairs] = (
    (at_version(0, RenewDelegationTokenRequest), at_version(0, RenewDelegationTokenResponse)),
)
EXPIRE_VERSIONS: Final[Pairs] = (
    (at_version(0, ExpireDelegationTokenRequest), at_version(0, ExpireDelegationTokenResponse)),
)
DESCRIBE_VERSIONS: Final[Pairs] = (
    (at_version(0, DescribeDelegationTokenRequest), at_version(0, DescribeDelegationTokenResponse)),
)
