from orchestration.dag_defaults import idempotency_token


def test_each_try_of_each_run_has_its_own_token_of_at_most_64_characters() -> None:
    runs = [f"scheduled__2026-01-01T00:00:{second:02d}+00:00" for second in range(60)]
    tokens = {idempotency_token(job, run, number) for job in ("a", "b") for run in runs for number in (1, 2, 10)}
    assert len(tokens) == 2 * 60 * 3
    assert max(map(len, tokens)) <= 64
    assert idempotency_token("a", runs[0], 1) == idempotency_token("a", runs[0], 1)
