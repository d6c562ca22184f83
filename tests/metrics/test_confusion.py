"""Confusion matrices and what follows from them, compared with numbers by hand and with scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, jaccard_score

from gamelearn import noise
from gamelearn.metrics.confusion import Confusion, accuracy, iou, mean_iou


def drawn(name: str, classes: int, rows: int = 12) -> torch.Tensor:
    return (noise.uniform(("confusion", name), rows, (5, 4)) * classes).long()


def test_numbers_by_hand() -> None:
    truth = torch.tensor([[[0, 0], [1, 1]], [[0, 1], [1, 3]]])
    decided = torch.tensor([[[0, 1], [1, 1]], [[0, 0], [1, 1]]])
    counted = Confusion(4)
    counted.add(truth, decided)
    assert counted.matrix.tolist() == [[2, 1, 0, 0], [1, 3, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]
    assert counted.accuracy().value == 5 / 8
    assert counted.mean_iou().value == pytest.approx((2 / 4 + 3 / 6 + 0) / 3)
    assert np.isnan(iou(counted.matrix)[2])
    assert counted.accuracy().count == 2
    assert counted.accuracy().error == pytest.approx(abs(3 / 4 - 2 / 4) / 2)


def test_the_table_tells_every_class_that_occurs_or_is_decided() -> None:
    counted = Confusion(5)
    counted.add(torch.tensor([[0, 0, 0, 4]]), torch.tensor([[0, 0, 2, 4]]))
    table = counted.table()
    assert [row[0] for row in counted.table(["sky", "sea", "sun"]).rows] == ["0 sky", "2 sun", "class 4"]
    assert table.columns == ("class", "IoU", "accuracy", "share of truth", "share decided")
    assert table.rows == (
        ("class 0", 2 / 3, 2 / 3, 0.75, 0.5),
        ("class 2", 0.0, None, 0.0, 0.25),
        ("class 4", 1.0, 1.0, 0.25, 0.25),
    )


@pytest.mark.parametrize("absent", [False, True])
def test_figures_are_scikit_learns(absent: bool) -> None:
    truth, decided = drawn("truth", 4), drawn("decided", 4)
    if absent:
        truth, decided = truth.clamp_max(2), decided.clamp_max(2)
    counted = Confusion(4)
    for part in range(0, 12, 5):
        counted.add(truth[part : part + 5], decided[part : part + 5])
    flat = truth.flatten().numpy(), decided.flatten().numpy()
    assert counted.matrix.tolist() == confusion_matrix(*flat, labels=range(4)).tolist()
    assert counted.accuracy().value == pytest.approx(accuracy_score(*flat))
    assert counted.mean_iou().value == pytest.approx(jaccard_score(*flat, average="macro"))
    each = {row[0]: row[1] for row in counted.table().rows}
    labels = np.unique(flat[0])
    assert [each[f"class {label}"] for label in labels] == pytest.approx(list(jaccard_score(*flat, average=None, labels=labels)))


def test_only_the_chosen_elements_count() -> None:
    truth, decided = drawn("truth", 3), drawn("decided", 3)
    where = noise.uniform(("where",), 12, (5, 4)) < 0.3
    where[4] = False
    counted = Confusion(3)
    counted.add(truth, decided, where)
    assert counted.matrix.tolist() == confusion_matrix(truth[where].numpy(), decided[where].numpy(), labels=range(3)).tolist()
    assert counted.rows == 12


def test_the_error_of_the_accuracy_is_its_spread_over_images() -> None:
    truth, decided = drawn("truth", 3, 40), drawn("decided", 3, 40)
    counted = Confusion(3)
    counted.add(truth, decided)
    images = (truth == decided).float().mean((1, 2)).double()
    assert counted.accuracy().error == pytest.approx(float(images.std() / 40**0.5), rel=1e-6)


def test_classes_of_whole_images_are_counted_too() -> None:
    counted = Confusion(3)
    counted.add(torch.tensor([0, 1, 2, 2]), torch.tensor([0, 1, 1, 2]))
    assert counted.matrix.tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]


def test_nothing_counted_is_no_number() -> None:
    assert np.isnan(accuracy(np.zeros((2, 2))))
    assert np.isnan(mean_iou(np.zeros((2, 2))))
