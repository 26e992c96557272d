"""Exact inner-product search over unit vectors: FAISS finds, float64 decides.

FAISS's sums differ in their last bits with the number of vectors beside a vector, so the best are
found with it and then scored again row by row. A record scores the same in whatever segment it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]

SPARE = 16
"""Rows fetched beyond k, so that near-ties at the edge are decided by the second scoring."""

SLACK = 1e-5
"""By how much a float32 sum of FAISS's may differ from the score, at the very most."""


class DenseIndex:
    """Vectors of one segment's rows for one field, shape (rows, dimension); immutable."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self.size: int = index.ntotal
        self.dimension: int = index.d

    @classmethod
    def build(cls, vectors: Vectors, dimension: int) -> DenseIndex:
        """Index unit vectors, shape (rows, dimension)."""
        import faiss

        index = faiss.IndexFlatIP(dimension)
        index.add(np.ascontiguousarray(vectors, np.float32).reshape(-1, dimension))
        return cls(index)

    @classmethod
    def load(cls, path: Path) -> DenseIndex:
        """Memory-map an index that `save` wrote."""
        import faiss

        return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC | faiss.IO_FLAG_READ_ONLY))

    def save(self, path: Path) -> None:
        """Write the index to one file; raises OSError, where FAISS's own writer swallows a failing close."""
        import faiss

        with path.open("wb") as file:
            faiss.write_index(self._index, faiss.PyCallbackIOWriter(file.write))

    def vectors(self, rows: NDArray[np.int64]) -> Vectors:
        """The vectors of some rows, shape (len(rows), dimension)."""
        found: Vectors = (
            self._index.reconstruct_batch(rows) if len(rows) else np.empty((0, self.dimension), np.float32)
        )
        return found

    def search(
        self, query: Vectors, k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], Floats]:
        """The k rows nearest to `query` (dimension,) and all that tie with the last of them.

        Best first, ties by row; cosines in float64. Equal texts have equal vectors, so a tie may be
        hundreds of rows long: who of them comes first is for the caller to say.
        """
        import faiss

        k = min(k, self.size)
        if k <= 0:
            return np.empty(0, np.int64), np.empty(0)
        params = None
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            params = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
        faiss.omp_set_num_threads(1)  # of this thread: several, waiting for one another, take longer
        near, found = self._index.search(query.reshape(1, -1), min(k + SPARE, self.size), params=params)
        rows = found[0][found[0] >= 0]
        if k < len(rows) < self.size and near[0][len(rows) - 1] >= near[0][k - 1] - SLACK:
            edge = float(near[0][k - 1]) - SLACK
            rows = self._index.range_search(query.reshape(1, -1), edge, params=params)[2]
        rows = np.sort(rows)
        scores = similarity(self.vectors(rows), query)
        order = np.lexsort((rows, -scores))
        if len(order) > k:
            order = order[scores[order] >= scores[order[k - 1]]]
        return rows[order], scores[order]


def similarity(vectors: Vectors, query: Vectors) -> Floats:
    """Inner products in float64, rounded to 1e-9: each row's depends on that row alone."""
    products: Floats = (vectors.astype(np.float64) * query.astype(np.float64)).sum(axis=1)
    return products.round(9)
