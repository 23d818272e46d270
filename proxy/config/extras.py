"""Packages that are only there with an extra."""

from importlib.util import find_spec

from policies.strict_yaml import Node
from proxy.config.reader import SettingsReader


def report_missing_package(reader: SettingsReader, node: Node, module: str, *, extra: str, package: str = "") -> None:
    """Note a fault at the setting that needs `module` if that is not there; `package` has it, if not by its name."""
    if find_spec(module) is None:
        hint = f"pip install 'kafka-doorkeeper[{extra}]'"
        reader.fault(node, f"the package {package or module} is not installed", hint)
