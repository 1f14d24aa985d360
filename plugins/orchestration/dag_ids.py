"""The ids of the product's DAGs, one module per DAG in `dags/`."""

CHUNKER_DAG = "chunk_transactions"
FOLLOWER_DAG = "supervise_chunker"
SUPERVISOR_DAG = "supervise_detector"
MAINTENANCE_DAG = "maintain"
RULES_DAG = "change_rules"
DAG_IDS = (RULES_DAG, CHUNKER_DAG, MAINTENANCE_DAG, FOLLOWER_DAG, SUPERVISOR_DAG, "watch_freshness")
