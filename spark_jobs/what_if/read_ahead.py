"""Reading landed chunks ahead of their evaluation, without Spark."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from spark_jobs.kernel.chunk_sums import CHUNK_COLUMNS, ChunkSums, sum_chunk
from spark_jobs.lake.landing import Chunk, Landing

# Chunks that are read ahead, for each thread.
_AHEAD = 2


def read_ahead(landing: Landing, chunks: Iterable[Chunk]) -> Iterator[ChunkSums]:
    """Yield the sums of chunks in order; a thread per core reads and sums the next ones.

    Args:
        landing: where the chunks are.
        chunks: consecutive chunks.

    Raises:
        LandingZoneError: a chunk is missing or damaged.
        StorageError: the store failed.
    """

    def read(chunk: Chunk) -> ChunkSums:
        return sum_chunk(landing.read(chunk.first, chunk.end, CHUNK_COLUMNS), chunk.end)

    threads = os.cpu_count() or 1
    coming: deque[Future[ChunkSums]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="read-ahead")
    try:
        for chunk in chunks:
            coming.append(pool.submit(read, chunk))
            if len(coming) > threads * _AHEAD:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
