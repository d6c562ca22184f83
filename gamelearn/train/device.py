"""Where a game runs. This file chooses the device."""

import torch

from gamelearn.errors import RunError, nearest, quoted


def available_devices() -> tuple[str, ...]:
    """Return the kinds of devices that there are here, the fastest first."""
    found = ["cuda"] if torch.cuda.is_available() else []
    found += ["mps"] if torch.backends.mps.is_available() else []
    return (*found, "cpu")


def choose_device(name: str | None = None) -> torch.device:
    """Return the device of a name (`cpu`, `cuda`, `cuda:1`, `mps`), by default the first of cuda, mps, cpu that is there.

    Raises:
        RunError: there is no such device here.
    """
    known = available_devices()
    if name is None:
        return torch.device(known[0])
    kind, _, index = name.partition(":")
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if kind not in known or (index and not (index.isdigit() and int(index) < count)):
        hint = nearest(name, known)
        raise RunError(f"there is no device {name!r} here; there are {quoted(known)}" + (f"; did you mean {hint!r}?" if hint else ""))
    return torch.device(name)


def describe_device(device: torch.device) -> str:
    """Return what a device is, for a person."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return (
        f"{device} ({torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''})" if device.type == "cpu" else str(device)
    )


def check_half(device: torch.device) -> None:
    """Check that networks can run in bfloat16 on a device.

    Raises:
        RunError: they cannot.
    """
    try:
        with torch.autocast(device.type, torch.bfloat16):
            result = torch.ones((2, 2), device=device) @ torch.ones((2, 2), device=device)
        fits = result.dtype == torch.bfloat16 and (device.type != "cuda" or torch.cuda.is_bf16_supported())
    except RuntimeError:
        fits = False
    if not fits:
        raise RunError(f"'precision: bf16' does not work on {describe_device(device)}: say train.precision=fp32, or choose another device")
