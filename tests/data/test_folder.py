"""Where files are looked for, what an untrusted spec may read, downloads. This file tests the data folder."""

import shutil
from pathlib import Path
from typing import Any

import pooch
import pytest

from gamelearn.data.folder import DataAbsent, DataFolder
from gamelearn.errors import DataError


def test_the_spec_s_folder_comes_before_the_data_root(folder: DataFolder) -> None:
    assert folder.spec_folder
    (folder.root / "a.csv").touch()
    assert folder.find("a.csv") == folder.root / "a.csv"
    (folder.spec_folder / "a.csv").touch()
    assert folder.find("a.csv") == folder.spec_folder / "a.csv"
    assert folder.find("b.csv") is None
    assert DataFolder(None, folder.root).find("a.csv") == folder.root / "a.csv"


def test_the_data_root_is_the_environment_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAMELEARN_DATA", str(tmp_path))
    assert DataFolder(None).root == tmp_path
    monkeypatch.delenv("GAMELEARN_DATA")
    assert DataFolder(None).root == Path(pooch.os_cache("gamelearn"))


def test_what_is_needed_and_missing_says_where_it_was_looked_for(folder: DataFolder) -> None:
    with pytest.raises(DataAbsent) as caught:
        folder.need("faces/a.npz")
    for place in folder.places:
        assert str(place / "faces/a.npz") in str(caught.value)


@pytest.mark.parametrize("path", ["../outside.csv", "{outside}", "link.csv", "a\0b"])
def test_an_untrusted_spec_reads_nothing_outside(folder: DataFolder, path: str) -> None:
    assert folder.spec_folder
    outside = folder.root.parent / "outside.csv"
    outside.touch()
    (folder.spec_folder / "link.csv").symlink_to(outside)
    untrusted = DataFolder(folder.spec_folder, folder.root, untrusted=True)
    with pytest.raises(DataError, match="leads out of"):
        untrusted.find(path.format(outside=outside))


def test_an_untrusted_spec_reads_inside(folder: DataFolder) -> None:
    (folder.root / "a.csv").touch()
    untrusted = DataFolder(folder.spec_folder, folder.root, untrusted=True)
    assert untrusted.find("a.csv") == folder.root / "a.csv"
    assert untrusted.find(folder.root / "a.csv") == folder.root / "a.csv"


def test_a_trusted_spec_reads_anywhere(folder: DataFolder) -> None:
    outside = folder.root.parent / "outside.csv"
    outside.touch()
    assert folder.find(outside) == outside
    assert folder.find("../outside.csv") is not None


def test_the_size_of_files_is_bounded(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder.root / "a").write_bytes(bytes(11))
    monkeypatch.setattr("gamelearn.data.folder._UNTRUSTED_BYTES", 10)
    folder.check_size(folder.root / "a")
    with pytest.raises(DataError, match="has 11 bytes; at most 10 are read from an untrusted spec"):
        DataFolder(None, folder.root, untrusted=True).check_size(folder.root / "a")


def use_mirror(monkeypatch: pytest.MonkeyPatch, mirror: Path) -> None:
    """Serve addresses `mirror://name` from a folder."""

    class FromFolder:
        def __init__(self, **settings: Any) -> None:
            pass

        def __call__(self, url: str, output: str, owner: object) -> None:
            shutil.copy(mirror / url.removeprefix("mirror://"), output)

    monkeypatch.setattr(pooch, "HTTPDownloader", FromFolder)


def intact(path: Path) -> None:
    if path.read_text() != "good":
        raise DataError("damaged")


def test_a_download_goes_on_to_the_next_mirror(folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_mirror(monkeypatch, tmp_path)
    (tmp_path / "damaged").write_text("bad")
    (tmp_path / "whole").write_text("good")
    got = folder.download("set/file", ["mirror://absent", "mirror://damaged", "mirror://whole"], intact)
    assert got == folder.root / "set/file"
    assert got.read_text() == "good"
    assert [path.name for path in got.parent.iterdir()] == ["file"]


def test_a_failed_download_leaves_nothing_and_says_why(folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_mirror(monkeypatch, tmp_path)
    (tmp_path / "damaged").write_text("bad")
    with pytest.raises(DataAbsent, match=r"mirror://absent: .*No such file.*; mirror://damaged: damaged"):
        folder.download("set/file", ["mirror://absent", "mirror://damaged"], intact)
    assert list((folder.root / "set").iterdir()) == []
