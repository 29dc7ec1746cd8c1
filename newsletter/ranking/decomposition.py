"""The largest singular values of large sparse matrices, and their vectors; knows neither papers nor people."""

import numpy as np
from scipy import linalg

from newsletter.ranking.index import Floats, Sparse

# So many directions more than are asked for are followed, since the last of them are the least sure.
SPARE = 10


def leading(matrix: Sparse, count: int, rounds: int) -> tuple[Floats, Floats]:
    """Return the `count` largest singular values, largest first, and their right vectors, (count, columns).

    By random projection with `rounds` of power iteration, made stable by LU factors (Halko, Martinsson and Tropp, SIAM
    Review 53(2), 2011, algorithms 4.4 and 5.1); the same matrix gives the same vectors. The sign of each is that in
    which the largest entry of its left vector is positive. This much of scikit-learn is all that is needed of it here,
    and to import the rest takes a second and 50 MB.
    """
    wide = matrix.shape[0] < matrix.shape[1]
    tall = matrix.T if wide else matrix
    basis = np.random.RandomState(0).normal(size=(tall.shape[1], count + SPARE)).astype(matrix.dtype)
    for _ in range(rounds):
        for side in (tall, tall.T):
            basis, _ = linalg.lu(side @ basis, permute_l=True, check_finite=False)
    basis, _ = linalg.qr(tall @ basis, mode="economic", check_finite=False)
    inner, sizes, outer = linalg.svd(basis.T @ tall, full_matrices=False)
    first, second = basis @ inner, outer.T
    left, right = (second, first) if wide else (first, second)
    right *= np.sign(left[np.abs(left).argmax(axis=0), np.arange(left.shape[1])])
    return sizes[:count], right[:, :count].T
