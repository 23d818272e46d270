"""DescribeConfigs 0: no synonyms, and of a value's source only whether it is the default."""

from typing import Final

from kio.schema.describe_configs.v1.request import DescribeConfigsResource
from kio.schema.errors import ErrorCode
from kio.static.primitive import i8, i32Timedelta

from protocol.legacy.shape import Pairs, of, request, response


@request(32, 0)
class DescribeConfigsRequestV0:
    """The resources whose configuration is asked for."""

    resources: tuple[DescribeConfigsResource, ...]


@response(32, 0, nested=True)
class DescribeConfigsResourceResult:
    """One entry of a configuration."""

    name: str = of("string")
    value: str | None = of("string")
    read_only: bool = of("bool")
    is_default: bool = of("bool")
    is_sensitive: bool = of("bool")


@response(32, 0, nested=True)
class DescribeConfigsResult:
    """The configuration of one resource."""

    error_code: ErrorCode = of("error_code")
    error_message: str | None = of("string")
    resource_type: i8 = of("int8")
    resource_name: str = of("string")
    configs: tuple[DescribeConfigsResourceResult, ...]


@response(32, 0)
class DescribeConfigsResponseV0:
    """The answer."""

    throttle_time: i32Timedelta = of("timedelta_i32")
    results: tuple[DescribeConfigsResult, ...]


VERSIONS: Final[Pairs] = ((DescribeConfigsRequestV0, DescribeConfigsResponseV0),)
