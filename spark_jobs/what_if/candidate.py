"""Finding what rules find in landed chunks: the detector's kernel in memory, without Spark and without a commit."""

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from spark_jobs.kernel.chunk_sums import CHUNK_COLUMNS, ChunkSums, sum_chunk
from spark_jobs.lake.landing import Chunk, Landing
from spark_jobs.patterns.detect import Detector
from spark_jobs.patterns.detections import Detection

# Chunks that are read ahead, for each reading thread: their sums are all that is in memory.
_AHEAD = 2


def find_in_chunks(
    detector: Detector,
    landing: Landing,
    chunks: Iterable[Chunk],
    weigh: Callable[[ChunkSums], ChunkSums] | None,
) -> list[Detection]:
    """Advance a detector by chunks, given in order; return all that it finds.

    Chunks are read and summed by a thread per core while earlier ones are evaluated.

    Args:
        detector: as of the first chunk's first line.
        landing: where the chunks are.
        chunks: consecutive chunks.
        weigh: joins the importance file to a chunk's sums; None if weights come with the transactions.

    Raises:
        LandingZoneError: a chunk is missing or damaged.
        StorageError: the store failed.
    """

    def read(chunk: Chunk) -> ChunkSums:
        sums = sum_chunk(landing.read(chunk.first, chunk.end, CHUNK_COLUMNS), chunk.end)
        return weigh(sums) if weigh else sums

    found: list[Detection] = []
    threads = os.cpu_count() or 1
    coming: deque[Future[ChunkSums]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="read-chunks")
    try:
        for chunk in chunks:
            coming.append(pool.submit(read, chunk))
            if len(coming) > threads * _AHEAD:
                found += detector.find(coming.popleft().result())
        while coming:
            found += detector.find(coming.popleft().result())
    finally:
        pool.shutdown(cancel_futures=True)
    return found
