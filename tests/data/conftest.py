"""A data folder in a temporary place, without a network. This file holds what the tests of data sets share."""

from pathlib import Path
from typing import Any

import pooch
import pytest

from gamelearn.data.folder import DataFolder


class NoNetwork:
    """Stands in for pooch's downloader where there is nothing to reach."""

    def __init__(self, **settings: Any) -> None:
        pass

    def __call__(self, url: str, output: str, owner: object) -> None:
        raise OSError("no network")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    """A spec's folder and a data root, both empty, and no network."""
    monkeypatch.setattr(pooch, "HTTPDownloader", NoNetwork)
    for name in ("spec", "root"):
        (tmp_path / name).mkdir()
    return DataFolder(tmp_path / "spec", tmp_path / "root")
