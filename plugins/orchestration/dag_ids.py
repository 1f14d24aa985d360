"""The ids of the product's DAGs, one module per DAG in `dags/`."""

CHUNKER_DAG = "chunk_transactions"
FOLLOWER_DAG = "supervise_chunker"
SUPERVISOR_DAG = "supervise_detector"
MAINTENANCE_DAG = "maintain"
DAG_IDS = (CHUNKER_DAG, MAINTENANCE_DAG, FOLLOWER_DAG, SUPERVISOR_DAG, "watch_freshness")
