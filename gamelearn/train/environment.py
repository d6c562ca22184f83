"""What a run ran with: versions, machine, data. This file collects it."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from gamelearn.plugins import loaded_plugins

_PACKAGES = ("gamelearn", "torch", "numpy", "safetensors", "pydantic")


def environment(device: torch.device, data_sets: Mapping[str, str]) -> dict[str, Any]:
    """Return what a training runs with, as plain values.

    Args:
        device: of the game.
        data_sets: the types of the data sets that were opened, by name.
    """
    return {
        "versions": {name: _version(name) for name in _PACKAGES} | {"python": platform.python_version()},
        "platform": platform.platform(),
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "data_sets": dict(data_sets),
        "plugins": {plugin.name: plugin.origin for plugin in loaded_plugins()},
        "plugin_hashes": {plugin.name: plugin.sha256 for plugin in loaded_plugins() if plugin.sha256},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
