"""The ids of this product's DAGs: an Airflow may hold others, which are never touched."""

from orchestration.judge import CHUNKER_DAG

DAG_IDS = (CHUNKER_DAG, "maintain", "supervise_detector", "watch_freshness")
