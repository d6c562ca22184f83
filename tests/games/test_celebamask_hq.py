"""The official folder of CelebAMask-HQ, whole and damaged. This file tests how it is read."""

from pathlib import Path
from typing import Any

import numpy as np
import pooch
import pytest
import torch
from PIL import Image

from gamelearn.data.dataset import SPLITS, DataSet, Field
from gamelearn.data.folder import DataAbsent, DataFolder
from gamelearn.data.look import problems_of
from gamelearn.data.progress import told_of_progress
from gamelearn.data.reading import Reading
from gamelearn.data.streams import open_streams
from gamelearn.errors import DataError
from gamelearn.spec.schema import Data, Variable
from games.segmentation.celebamask_hq import CLASSES, CelebAMaskHq, CelebAMaskHqOptions
from tests.games.celebamask_files import NAME, write_faces, write_part

COUNT = 6


def open_faces(root: Path, *, untrusted: bool = False, **options: Any) -> DataSet:
    given = CelebAMaskHqOptions.model_validate({"type": "celebamask_hq", "size": 32, "validation": 0.0, "test": 0.0, **options})
    return CelebAMaskHq(DataFolder(None, root, untrusted=untrusted), 0, **given.own_options())


def read(data: DataSet, field: str, split: str = "train") -> torch.Tensor:
    return data.read(field, split, torch.arange(data.length(split)))


def write_mapping(root: Path, *lines: str) -> Path:
    file = root / NAME / "CelebA-HQ-to-CelebA-mapping.txt"
    file.write_text("\n".join(["idx      orig_idx     orig_file", *lines, ""]))
    return file


def test_the_official_layout_is_read(tmp_path: Path) -> None:
    images, labels = write_faces(tmp_path, COUNT)
    data = open_faces(tmp_path)
    assert data.fields == {"x": Field("real", (3, 32, 32)), "s": Field("categorical", (32, 32), 19)}
    assert read(data, "s").numpy().tolist() == labels.tolist()
    assert float((read(data, "x") * 255 - torch.from_numpy(images).float()).abs().mean()) < 5


def test_classes_have_their_official_numbers() -> None:
    numbered = {"background": 0, "skin": 1, "nose": 2, "eye_g": 3, "u_lip": 11, "hair": 13, "neck_l": 16, "neck": 17, "cloth": 18}
    assert {part: CLASSES.index(part) for part in numbered} == numbered
    assert len(set(CLASSES)) == 19


def test_later_parts_are_drawn_over_earlier_ones(tmp_path: Path) -> None:
    write_faces(tmp_path, 1, size=8)
    for file in (tmp_path / NAME / "CelebAMask-HQ-mask-anno/0").iterdir():
        file.unlink()
    square = np.zeros((8, 8), bool)
    for part, width in (("hair", 2), ("skin", 8), ("l_eye", 4)):
        square[:] = False
        square[:, :width] = True
        write_part(tmp_path, 0, part, square)
    assert read(open_faces(tmp_path, size=8), "s")[0, 0].tolist() == [13, 13, 4, 4, 1, 1, 1, 1]


def test_folders_hold_two_thousand_images_each(tmp_path: Path) -> None:
    write_faces(tmp_path, 1)
    place = tmp_path / NAME
    (place / "CelebA-HQ-img/0.jpg").rename(place / "CelebA-HQ-img/4001.jpg")
    write_part(tmp_path, 4001, "skin", np.ones((32, 32), bool))
    for file in (place / "CelebAMask-HQ-mask-anno/0").iterdir():
        file.unlink()
    assert (place / "CelebAMask-HQ-mask-anno/2/04001_skin.png").exists()
    assert bool((read(open_faces(tmp_path), "s") == 1).all())


def test_images_are_in_order_of_their_numbers(tmp_path: Path) -> None:
    _, labels = write_faces(tmp_path, 12)
    assert read(open_faces(tmp_path), "s")[[2, 10]].numpy().tolist() == labels[[2, 10]].tolist()


def test_merged_label_maps_are_read(tmp_path: Path) -> None:
    _, labels = write_faces(tmp_path, COUNT)
    maps = tmp_path / NAME / "CelebAMask-HQ-mask"
    maps.mkdir()
    for number in range(COUNT):
        Image.fromarray(labels[number][::-1].copy()).save(maps / f"{number}.png")
    assert read(open_faces(tmp_path, labels="CelebAMask-HQ-mask"), "s").numpy().tolist() == labels[:, ::-1].tolist()
    with pytest.raises(DataError, match="CelebAMask-mask is missing: 'labels' names a sub-folder of merged label maps"):
        open_faces(tmp_path, labels="CelebAMask-mask")
    Image.fromarray(np.full((32, 32), 19, np.uint8)).save(maps / "3.png")
    (maps / "5.png").rename(maps / "7.png")
    with pytest.raises(
        DataError, match=r"2 files .*\n  \S*img/7.jpg is missing, its label map is there\n  \S*img/5.jpg has no label map \S*/5.png\n"
    ):
        open_faces(tmp_path, labels="CelebAMask-HQ-mask")
    (maps / "7.png").rename(maps / "5.png")
    with pytest.raises(DataError, match=r"3.png holds 19: expected a class in 0 .. 18"):
        open_faces(tmp_path, labels="CelebAMask-HQ-mask")


def test_what_is_hidden_is_no_part_and_another_folder_no_cache(tmp_path: Path) -> None:
    _, labels = write_faces(tmp_path, COUNT)
    parts = tmp_path / NAME / "CelebAMask-HQ-mask-anno"
    for place in (parts / ".trash", parts / "@eaDir", parts / "0/@eaDir"):
        place.mkdir()
        (place / "00000_skin.png").write_bytes(b"no image")
    (parts / "0/._00000_skin.png").write_bytes(b"no image")
    data = open_faces(tmp_path)
    assert read(data, "s").numpy().tolist() == labels.tolist()
    assert list(problems_of(data)) == []
    assert data.readings == {"x": Reading(size=(32, 32), colour="rgb"), "s": Reading(levels=CLASSES, size=(32, 32))}
    other = tmp_path / "other"
    (tmp_path / NAME).rename(tmp_path / "moved")
    (tmp_path / "moved").rename(other)
    for file in [*other.rglob("*.png")]:
        Image.new("RGB", (32, 32)).save(file)
    assert read(open_faces(tmp_path, path="other"), "s").max() == 0


def test_images_are_resized_and_label_maps_keep_classes(tmp_path: Path) -> None:
    _, labels = write_faces(tmp_path, COUNT)
    small = read(open_faces(tmp_path, size=16), "s").numpy()
    assert small.shape == (COUNT, 16, 16)
    blocks = labels.reshape(COUNT, 16, 2, 16, 2).transpose(0, 1, 3, 2, 4).reshape(COUNT, 16, 16, 4)
    assert (small[..., None] == blocks).any(-1).all()


def test_the_official_splits_follow_the_mapping(tmp_path: Path) -> None:
    _, labels = write_faces(tmp_path, COUNT)
    originals = [162_770, 162_771, 182_637, 182_638, 202_598, 0]
    write_mapping(tmp_path, *(f"{number}        {original}      {original + 1:06}.jpg" for number, original in enumerate(originals)))
    data = open_faces(tmp_path, validation=0.3)
    for split, rows in zip(SPLITS, ([0, 5], [1, 2], [3, 4]), strict=True):
        assert read(data, "s", split).numpy().tolist() == labels[rows].tolist()
    assert not any("mapping" in notice for notice in data.notices)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("5 oops 000001.jpg", r"mapping.txt:7: expected 'idx orig_idx orig_file', such as .*, got '5 oops 000001.jpg'"),
        ("5 202600 202601.jpg", r"mapping.txt:7: expected"),
        ("9 1 000002.jpg", r"mapping.txt: 1 image is not in it, so its split is not known:\n  5$"),
    ],
)
def test_a_damaged_mapping_is_said(tmp_path: Path, line: str, what: str) -> None:
    write_faces(tmp_path, COUNT)
    write_mapping(tmp_path, *(f"{number} {number} {number + 1:06}.jpg" for number in range(5)), line)
    with pytest.raises(DataError, match=what):
        open_faces(tmp_path)


def test_without_a_mapping_the_rows_are_divided_loudly(tmp_path: Path) -> None:
    write_faces(tmp_path, COUNT)
    data = open_faces(tmp_path, validation=0.34, test=0.17)
    assert [data.length(split) for split in SPLITS] == [3, 2, 1]
    fewer, divided = data.notices
    assert fewer.endswith("lacks 29,994 of the 30,000 images: 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 and 29,984 more")
    assert divided.endswith("mapping.txt is missing: validation and test are fractions of the images, not the official splits")


def test_an_absent_folder_says_what_to_get_and_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(DataAbsent) as caught:
        open_faces(tmp_path)
    text = str(caught.value)
    assert str(tmp_path / NAME) in text
    assert "CelebAMask-HQ.zip" in text
    assert "CelebAMask-HQ/CelebA-HQ-img/0.jpg" in text


@pytest.mark.parametrize("part", ["CelebA-HQ-img", "CelebAMask-HQ-mask-anno"])
def test_an_incomplete_folder_is_no_absent_one(tmp_path: Path, part: str) -> None:
    write_faces(tmp_path, 1)
    (tmp_path / NAME / part).rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=f"{part} is missing: the folder is incomplete") as caught:
        open_faces(tmp_path)
    assert not isinstance(caught.value, DataAbsent)


def test_a_folder_without_images_is_said(tmp_path: Path) -> None:
    for part in ("CelebA-HQ-img", "CelebAMask-HQ-mask-anno"):
        (tmp_path / NAME / part).mkdir(parents=True)
    with pytest.raises(DataError, match=r"CelebA-HQ-img has no images: expected 0.jpg"):
        open_faces(tmp_path)


def test_missing_files_are_reported_image_by_image(tmp_path: Path) -> None:
    write_faces(tmp_path, COUNT)
    place = tmp_path / NAME
    (place / "CelebA-HQ-img/2.jpg").unlink()
    for file in (place / "CelebAMask-HQ-mask-anno/0").glob("00004_*"):
        file.unlink()
    write_part(tmp_path, 1, "hairs", np.ones((32, 32), bool))
    (place / "CelebA-HQ-img/0003.jpg").write_bytes((place / "CelebA-HQ-img/3.jpg").read_bytes())
    with pytest.raises(DataError) as caught:
        open_faces(tmp_path)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{place}: 4 files or folders are missing or have unknown names:"
    assert lines[1] == f"  {place / 'CelebA-HQ-img/0003.jpg'} and {place / 'CelebA-HQ-img/3.jpg'} are the same image"
    assert lines[2].endswith("00001_hairs.png: unknown part 'hairs'; did you mean 'hair'?")
    assert lines[3] == f"  {place / 'CelebA-HQ-img/2.jpg'} is missing, its parts are there"
    assert lines[4] == f"  {place / 'CelebA-HQ-img/4.jpg'} has no parts {place / 'CelebAMask-HQ-mask-anno/0'}/00004_*.png"


def test_damaged_files_are_named_ten_of_them(tmp_path: Path) -> None:
    write_faces(tmp_path, 13)
    place = tmp_path / NAME
    for number in range(12):
        (place / f"CelebA-HQ-img/{number}.jpg").write_bytes(b"no image")
    (place / "CelebAMask-HQ-mask-anno/0/00012_skin.png").write_bytes(b"no mask")
    with pytest.raises(DataError) as caught:
        open_faces(tmp_path)
    lines = str(caught.value).splitlines()
    assert lines[0] == "data set 'celebamask_hq': 13 of 13 images with their label maps cannot be used:"
    assert lines[1] == f"  the image {place / 'CelebA-HQ-img/0.jpg'} is damaged or no image (BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP)"
    assert len(lines) == 12
    assert lines[-1] == "  and 3 more"
    for number in range(12):
        for file in (place / "CelebAMask-HQ-mask-anno/0").glob(f"{number:05}_*"):
            file.unlink()
        (place / f"CelebA-HQ-img/{number}.jpg").unlink()
    with pytest.raises(DataError, match=r"the mask .*00012_skin.png is damaged or no image"):
        open_faces(tmp_path)


def test_sizes_that_do_not_fit_are_said(tmp_path: Path) -> None:
    write_faces(tmp_path, 1)
    odd = write_part(tmp_path, 0, "cloth", np.ones((16, 32), bool))
    with pytest.raises(DataError, match=r"the mask \S*00000_cloth.png has 16x32 pixels, 00000_skin.png has 32x32"):
        open_faces(tmp_path)
    odd.unlink()
    Image.new("RGB", (64, 48)).save(tmp_path / NAME / "CelebA-HQ-img/0.jpg")
    with pytest.raises(DataError, match=r"0.jpg has 48x64 pixels, its label map 32x32: expected the same ratio"):
        open_faces(tmp_path)


def test_it_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, labels = write_faces(tmp_path, COUNT)
    open_faces(tmp_path)
    monkeypatch.setattr("games.segmentation.celebamask_hq.read_image", None)
    assert read(open_faces(tmp_path), "s").numpy().tolist() == labels.tolist()
    monkeypatch.undo()
    write_part(tmp_path, 0, "cloth", np.ones((32, 32), bool))
    assert bool((read(open_faces(tmp_path), "s")[0] == 18).all())


def stream_notices(root: Path) -> tuple[str, ...]:
    data = Data.model_validate(
        {
            "dataset": {"type": "celebamask_hq", "size": 32},
            "otherwise": {"type": "toy_faces", "size": 32, "rows": 10},
            "streams": {"pairs": ["x", "s"]},
        }
    )
    variables = {"x": Variable(type="real", shape=(3, 32, 32)), "s": Variable(type="categorical", classes=19, shape=(32, 32))}
    streams = open_streams(data, variables, folder=DataFolder(None, root), seed=0, device="cpu", dtype=torch.float32)
    assert streams.batch("pairs", 0, 2, noise_key=())["s"].shape == (2, 32, 32)
    return streams.notices


def test_drawn_faces_stand_in_for_absent_ones_loudly(tmp_path: Path) -> None:
    (notice,) = stream_notices(tmp_path)
    assert notice.startswith("data set 'celebamask_hq' is absent, 'toy_faces' is taken instead: 'CelebAMask-HQ' is missing")
    assert "get CelebAMask-HQ.zip" in notice


def test_notices_of_the_data_reach_the_user(tmp_path: Path) -> None:
    write_faces(tmp_path, COUNT)
    fewer, divided = stream_notices(tmp_path)
    assert fewer.startswith("data set 'celebamask_hq': ")
    assert "lacks 29,994" in fewer
    assert "not the official splits" in divided


def test_an_untrusted_spec_follows_no_links_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "user cache")
    root = tmp_path / "root"
    root.mkdir()
    write_faces(root, 1)
    image = root / NAME / "CelebA-HQ-img/0.jpg"
    image.rename(tmp_path / "0.jpg")
    image.symlink_to(tmp_path / "0.jpg")
    assert open_faces(root).length("train") == 1
    with pytest.raises(DataError, match=r"0.jpg is a link out of the spec's folder"):
        open_faces(root, untrusted=True)
    image.unlink()
    (tmp_path / "0.jpg").rename(image)
    with pytest.raises(DataError, match=r"leads out of the spec's folder"):
        open_faces(root, untrusted=True, labels="../..")


def test_what_is_missing_and_what_is_damaged_are_reported_together(tmp_path: Path) -> None:
    write_faces(tmp_path, COUNT)
    place = tmp_path / NAME
    (place / "CelebA-HQ-img/2.jpg").unlink()
    (place / "CelebA-HQ-img/4.jpg").write_bytes(b"no image")
    with pytest.raises(DataError) as caught:
        open_faces(tmp_path)
    assert str(caught.value).splitlines() == [
        f"{place}: 1 file or folder is missing or has an unknown name:",
        f"  {place / 'CelebA-HQ-img/2.jpg'} is missing, its parts are there",
        "data set 'celebamask_hq': 1 of 5 images with their label maps cannot be used:",
        f"  the image {place / 'CelebA-HQ-img/4.jpg'} is damaged or no image (BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP)",
    ]
    assert not (tmp_path / "cache").exists()


def test_progress_of_the_first_decoding_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_faces(tmp_path, COUNT)
    told: list[tuple[str, int, int]] = []
    for _ in range(2):
        with told_of_progress(lambda *facts: told.append(facts)):
            open_faces(tmp_path)
    open_faces(tmp_path, size=16)  # nobody asks to be told
    title = "celebamask_hq: images decoded"
    assert told == [(title, 0, COUNT), (title, COUNT, COUNT)]
    (tmp_path / NAME / "CelebA-HQ-img/2.jpg").unlink()
    with told_of_progress(lambda *facts: told.append(facts)), pytest.raises(DataError):
        open_faces(tmp_path)
    assert told[2:] == [("celebamask_hq: images checked", done, COUNT - 1) for done in (0, COUNT - 1)]
    assert capfd.readouterr() == ("", "")


def test_classes_have_names(tmp_path: Path) -> None:
    write_faces(tmp_path, 1)
    assert open_faces(tmp_path).class_names == {"s": CLASSES}
