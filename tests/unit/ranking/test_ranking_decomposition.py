"""Singular vectors by random projection, beside those that are computed in full."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from newsletter.ranking.decomposition import leading

COUNT = 5


def falling(rows: int, columns: int, seed: int) -> sp.csr_matrix:
    """Return a matrix whose singular values are halved from one to the next."""
    chance = np.random.default_rng(seed)
    short = min(rows, columns)
    left, _ = np.linalg.qr(chance.normal(size=(rows, short)))
    right, _ = np.linalg.qr(chance.normal(size=(columns, short)))
    return sp.csr_matrix((left * 0.5 ** np.arange(short)) @ right.T, dtype=np.float32)


@given(rows=st.integers(COUNT, 60), columns=st.integers(COUNT, 60), seed=st.integers(0, 1000))
def test_the_values_and_vectors_are_those_of_the_whole(rows: int, columns: int, seed: int) -> None:
    matrix = falling(rows, columns, seed)
    sizes, right = leading(matrix, COUNT, 4)
    left, all_sizes, all_right = np.linalg.svd(matrix.toarray().astype(np.float64), full_matrices=False)
    assert right.shape == (COUNT, columns)
    assert sizes == pytest.approx(all_sizes[:COUNT], rel=1e-4)
    for at in range(COUNT):
        largest = np.sort(np.abs(left[:, at]))[::-1]
        agreement = float(right[at] @ all_right[at]) * np.sign(left[np.abs(left[:, at]).argmax(), at])
        # Of two entries as large as each other, rounding decides which gives the sign.
        clear = len(largest) < 2 or largest[0] - largest[1] > 1e-3
        assert (agreement if clear else abs(agreement)) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("shape", [(300, 120), (120, 300)])
def test_the_same_matrix_gives_the_same_vectors(shape: tuple[int, int]) -> None:
    matrix = sp.random(*shape, density=0.1, format="csr", dtype=np.float32, random_state=1)
    one, other = leading(matrix, 20, 3), leading(matrix.copy(), 20, 3)
    assert np.array_equal(one[0], other[0])
    assert np.array_equal(one[1], other[1])


@pytest.mark.parametrize("shape", [(300, 120), (120, 300), (200, 200)])
def test_it_is_what_scikit_learn_computes(shape: tuple[int, int]) -> None:
    extmath = pytest.importorskip("sklearn.utils.extmath")
    matrix = sp.random(*shape, density=0.1, format="csr", dtype=np.float32, random_state=2)
    _, sizes, right = extmath.randomized_svd(matrix, 20, n_iter=4, random_state=0)
    found = leading(matrix, 20, 4)
    assert found[0] == pytest.approx(sizes, rel=1e-3)
    assert found[1] == pytest.approx(right, abs=1e-3)
