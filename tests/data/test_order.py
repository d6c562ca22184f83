"""Permutations without end. This file tests the order of rows."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from gamelearn.data.order import Order


@given(length=st.integers(1, 20), start=st.integers(0, 60), count=st.integers(1, 50))
def test_any_part_is_a_part_of_the_same_sequence(length: int, start: int, count: int) -> None:
    whole = torch.cat([Order(("key",), length).rows(epoch * length, length) for epoch in range(-(-(start + count) // length))])
    assert Order(("key",), length).rows(start, count).equal(whole[start : start + count])


def test_every_epoch_is_another_permutation() -> None:
    order = Order(("key",), 50)
    epochs = [order.rows(50 * epoch, 50) for epoch in (0, 1, 5)]
    assert all(epoch.sort().values.equal(torch.arange(50)) for epoch in epochs)
    assert not epochs[0].equal(epochs[1])
    assert not epochs[1].equal(epochs[2])
    assert order.rows(0, 50).equal(epochs[0])


def test_another_key_is_another_order() -> None:
    assert not Order(("a",), 50).rows(0, 50).equal(Order(("b",), 50).rows(0, 50))
