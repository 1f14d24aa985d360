from pathlib import Path

import pandas as pd
import pytest

from local.sample_data import BIG_MERCHANT_ROWS, CATEGORIES, CUSTOMERS, MERCHANTS, ROWS, write_sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    directory = tmp_path_factory.mktemp("sample")
    write_sample(directory)
    return pd.read_csv(directory / "transactions.csv", quotechar="'")


def test_it_has_the_public_set_s_shape(sample: pd.DataFrame) -> None:
    assert len(sample) == ROWS
    assert sample["customer"].nunique() == CUSTOMERS
    assert sample["merchant"].nunique() == MERCHANTS
    assert tuple(sample["merchant"].value_counts().iloc[:2]) == BIG_MERCHANT_ROWS
    assert set(sample["category"]) == set(CATEGORIES)
    assert (sample["category"] == "es_transportation").mean() == pytest.approx(0.85, abs=0.01)
    assert sample["step"].is_monotonic_increasing
    assert sample["step"].nunique() == 180
    assert sample["fraud"].mean() == pytest.approx(0.012, abs=0.001)


def test_a_customer_has_one_gender_and_their_shares_are_right(sample: pd.DataFrame) -> None:
    genders = sample.groupby("customer")["gender"].agg(["nunique", "first"])
    assert (genders["nunique"] == 1).all()
    shares = genders["first"].value_counts(normalize=True)
    assert shares["F"] == pytest.approx(0.546, abs=0.001)
    assert shares["M"] == pytest.approx(0.452, abs=0.001)
    assert {"E", "U"} <= set(shares.index)


def test_there_are_merchants_with_more_men_and_with_more_women(sample: pd.DataFrame) -> None:
    customers = sample.drop_duplicates(["merchant", "customer"])
    counts = customers.groupby(["merchant", "gender"]).size().unstack(fill_value=0)
    many = counts[counts["F"] > 100]
    assert (many["F"] < many["M"]).any()
    assert (many["F"] > many["M"]).any()


def test_the_same_seed_gives_the_same_bytes_and_values_stand_in_quotes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_sample(tmp_path / name, rows=500, seed=1)
    for file in ("transactions.csv", "CustomerImportance.csv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    line = (tmp_path / "a" / "transactions.csv").read_text().splitlines()[1]
    assert line.count("'") == 14
