"""Which device a game runs on."""

import pytest
import torch

from gamelearn.errors import RunError
from gamelearn.train import device as module
from gamelearn.train.device import available_devices, check_half, choose_device, describe_device


def test_the_cpu_is_always_there() -> None:
    assert available_devices()[-1] == "cpu"
    assert choose_device("cpu") == torch.device("cpu")


def test_the_fastest_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, best in ((("cuda", "mps", "cpu"), "cuda"), (("mps", "cpu"), "mps"), (("cpu",), "cpu")):
        monkeypatch.setattr(module, "available_devices", lambda there=there: there)
        assert choose_device() == torch.device(best)


@pytest.mark.parametrize("name", ["cpuu", "cuda", "cpu:7", "cpu:x"])
def test_a_device_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(module, "available_devices", lambda: ("cpu",))
    hint = "; did you mean 'cpu'?" if name == "cpuu" else ""
    with pytest.raises(RunError, match=f"^there is no device '{name}' here; there are 'cpu'{hint.replace('?', '[?]')}"):
        choose_device(name)


@pytest.mark.parametrize(("threads", "text"), [(1, "cpu (1 thread)"), (8, "cpu (8 threads)")])
def test_a_device_is_described(monkeypatch: pytest.MonkeyPatch, threads: int, text: str) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert describe_device(torch.device("cpu")) == text


def test_half_precision_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    check_half(torch.device("cpu"))

    def broken(*arguments: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(torch, "autocast", broken)
    with pytest.raises(RunError, match=r"'precision: bf16' does not work on cpu .*: say train\.precision=fp32"):
        check_half(torch.device("cpu"))
