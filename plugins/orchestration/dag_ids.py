"""The ids of the product's DAGs, one module per DAG in `dags/`."""

from orchestration.judge import CHUNKER_DAG

SUPERVISOR_DAG = "supervise_detector"
MAINTENANCE_DAG = "maintain"
DAG_IDS = (CHUNKER_DAG, MAINTENANCE_DAG, SUPERVISOR_DAG, "watch_freshness")
