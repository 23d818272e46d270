"""The file `doorkeeper.yaml`: read strictly, every fault told at once with its place and a hint.

`load_config` gives a `Config` or raises `InvalidDocument`; `json_schema` is the same language for editors.
"""

from policies.strict_yaml import Fault, InvalidDocument
from proxy.config.loader import load_config, parse_config
from proxy.config.model import (
    STANDARD_OUTPUT,
    Address,
    AdminConfig,
    AuditConfig,
    BrokersConfig,
    ClientAuth,
    ClusterConfig,
    Config,
    HostPerBrokerConfig,
    Limits,
    ListenerConfig,
    Place,
    PolicyConfig,
    PolicyMode,
    PortPerBrokerConfig,
    SecurityProtocol,
    TlsConfig,
)
from proxy.config.schema import json_schema
from proxy.config.secret import Secret
from proxy.config.warnings import warnings

__all__ = [
    "STANDARD_OUTPUT",
    "Address",
    "AdminConfig",
    "AuditConfig",
    "BrokersConfig",
    "ClientAuth",
    "ClusterConfig",
    "Config",
    "Fault",
    "HostPerBrokerConfig",
    "InvalidDocument",
    "Limits",
    "ListenerConfig",
    "Place",
    "PolicyConfig",
    "PolicyMode",
    "PortPerBrokerConfig",
    "Secret",
    "SecurityProtocol",
    "TlsConfig",
    "json_schema",
    "load_config",
    "parse_config",
    "warnings",
]
