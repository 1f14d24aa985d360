"""Spark's usual approach: `MERGE` a chunk's sums into a Delta table, then aggregate that table for the thresholds."""

import time
from collections.abc import Sequence
from pathlib import Path

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from local.jars import delta_jars, delta_session

_CORES = 2


def seconds_per_chunk(chunks: Sequence[Path], directory: Path) -> tuple[list[float], dict[str, tuple[int, int, int]]]:
    """Merge chunk after chunk into a state on local disk.

    Returns:
        The seconds of each chunk, and the final transactions, female and male customers of each merchant.
    """
    spark = delta_session(_CORES, delta_jars())
    state = str(directory / "merge-state")
    try:
        seconds = []
        for chunk in chunks:
            began = time.perf_counter()
            _merge(spark, _sums(spark, chunk), state)
            _evaluate(spark, state)
            seconds.append(time.perf_counter() - began)
        return seconds, _merchants(spark, state)
    finally:
        spark.stop()


def _sums(spark: SparkSession, chunk: Path) -> DataFrame:
    rows = spark.read.csv(str(chunk), header=True)
    return rows.groupBy("merchant", "customer").agg(
        sf.count("*").alias("transactions"), sf.sum("amount").alias("amount"), sf.first("gender").alias("gender")
    )


def _merge(spark: SparkSession, sums: DataFrame, state: str) -> None:
    if not DeltaTable.isDeltaTable(spark, state):
        sums.write.format("delta").save(state)
        return
    (
        DeltaTable.forPath(spark, state)
        .alias("s")
        .merge(sums.alias("c"), "s.merchant = c.merchant AND s.customer = c.customer")
        .whenMatchedUpdate(set={"transactions": "s.transactions + c.transactions", "amount": "s.amount + c.amount"})
        .whenNotMatchedInsertAll()
        .execute()
    )


def _merchants(spark: SparkSession, state: str) -> dict[str, tuple[int, int, int]]:
    rows = spark.read.format("delta").load(state).groupBy("merchant")
    totals = rows.agg(
        sf.sum("transactions"), sf.count_if(sf.col("gender") == "F"), sf.count_if(sf.col("gender") == "M")
    )
    return {name: (total, female, male) for name, total, female, male in totals.collect()}


def _evaluate(spark: SparkSession, state: str) -> None:
    pairs = spark.read.format("delta").load(state).withColumn("mean", sf.col("amount") / sf.col("transactions"))
    merchants = pairs.groupBy("merchant").agg(
        sf.sum("transactions").alias("total"),
        sf.percentile("transactions", sf.lit(0.9)).alias("high"),
        sf.percentile("mean", sf.lit(0.1)).alias("low"),
        sf.count_if(sf.col("gender") == "F").alias("female"),
        sf.count_if(sf.col("gender") == "M").alias("male"),
    )
    joined = pairs.join(sf.broadcast(merchants), "merchant")
    upgrade = (
        (sf.col("total") > 50_000) & (sf.col("transactions") >= sf.col("high")) & (sf.col("mean") <= sf.col("low"))
    )
    child = (sf.col("transactions") >= 80) & (sf.col("mean") < 23)
    joined.where(upgrade | child).select("merchant", "customer").collect()
    merchants.where((sf.col("female") > 100) & (sf.col("female") < sf.col("male"))).collect()
