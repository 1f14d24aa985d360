from pathlib import Path

import pandas as pd
import pytest

from local.sample_data import BIG_MERCHANT_ROWS, CATEGORIES, CUSTOMERS, MERCHANTS, ROWS, write_sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    directory = tmp_path_factory.mktemp("sample")
    write_sample(directory)
    return pd.read_csv(directory / "transactions.csv", quotechar="'")


def test_the_sample_has_the_shape_of_the_public_data_set(sample: pd.DataFrame) -> None:
    assert len(sample) == ROWS
    assert sample["customer"].nunique() == CUSTOMERS
    assert sample["merchant"].nunique() == MERCHANTS
    assert tuple(sample["merchant"].value_counts().iloc[:2]) == BIG_MERCHANT_ROWS
    assert set(sample["category"]) == set(CATEGORIES)
    assert (sample["category"] == "es_transportation").mean() == pytest.approx(0.85, abs=0.01)
    assert sample["step"].is_monotonic_increasing
    assert sample["step"].nunique() == 180
    assert sample["fraud"].mean() == pytest.approx(0.012, abs=0.001)


def test_each_customer_has_one_gender_in_the_right_proportions(sample: pd.DataFrame) -> None:
    genders = sample.groupby("customer")["gender"].agg(["nunique", "first"])
    assert (genders["nunique"] == 1).all()
    shares = genders["first"].value_counts(normalize=True)
    assert shares["F"] == pytest.approx(0.546, abs=0.001)
    assert shares["M"] == pytest.approx(0.452, abs=0.001)
    assert {"E", "U"} <= set(shares.index)


def test_some_merchants_have_more_male_and_some_more_female_customers(sample: pd.DataFrame) -> None:
    customers = sample.drop_duplicates(["merchant", "customer"])
    counts = customers.groupby(["merchant", "gender"]).size().unstack(fill_value=0)
    many = counts[counts["F"] > 100]
    assert (many["F"] < many["M"]).any()
    assert (many["F"] > many["M"]).any()


def test_the_same_seed_gives_the_same_bytes_with_quoted_values(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_sample(tmp_path / name, rows=500, seed=1)
    for file in ("transactions.csv", "CustomerImportance.csv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    line = (tmp_path / "a" / "transactions.csv").read_text().splitlines()[1]
    assert line.count("'") == 14
