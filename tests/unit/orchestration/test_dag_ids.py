import ast

from orchestration.dag_ids import DAG_IDS
from tests.harness.pipeline import ROOT

DAGS = ROOT / "dags"


def test_every_dag_is_listed_so_that_the_page_asks_for_permission_to_read_it() -> None:
    calls = (node for path in DAGS.glob("*.py") for node in ast.walk(ast.parse(path.read_text())))
    ids = [
        ast.literal_eval(call.args[0])
        for call in calls
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "DAG"
    ]
    assert sorted(ids) == sorted(DAG_IDS)
