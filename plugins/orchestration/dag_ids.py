"""The ids of the product's DAGs, one module per DAG in `dags/`."""

from orchestration.judge import CHUNKER_DAG

SUPERVISOR_DAG = "supervise_detector"
MAINTENANCE_DAG = "maintain"
RULES_DAG = "change_rules"
DAG_IDS = (RULES_DAG, CHUNKER_DAG, MAINTENANCE_DAG, SUPERVISOR_DAG, "watch_freshness")
