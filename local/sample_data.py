"""Sample data with the shape of the public BankSim data set.

The default size is 594,643 transactions of 4,112 customers with 50 merchants, two of which have 299,693 and 205,426, in
15 categories. Values are in single quotes. All three patterns occur.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
from numpy.typing import NDArray

ROWS = 594_643
SEED = 7
CUSTOMERS = 4_112
MERCHANTS = 50
BIG_MERCHANT_ROWS = (299_693, 205_426)
STEPS = 180
FRAUD_SHARE = 0.012
# Of gender F, M, E, U.
GENDER_SHARES = (0.546, 0.452, 0.0015, 0.0005)
# Mean amount by category; the two big merchants are in the first.
CATEGORIES = {
    "es_transportation": 27.0,
    "es_health": 136.0,
    "es_wellnessandbeauty": 66.0,
    "es_food": 37.0,
    "es_barsandrestaurants": 43.0,
    "es_hyper": 46.0,
    "es_fashion": 66.0,
    "es_tech": 121.0,
    "es_home": 166.0,
    "es_hotelservices": 206.0,
    "es_sportsandtoys": 216.0,
    "es_otherservices": 136.0,
    "es_contents": 45.0,
    "es_travel": 2250.0,
    "es_leisure": 289.0,
}
_BIG_MERCHANTS = ("M1823072687", "M348934600")
_Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _People:
    """The customers; `spending` scales the amounts of their transactions."""

    ids: NDArray[Any]
    genders: NDArray[Any]
    ages: NDArray[Any]
    spending: NDArray[np.float64]


def write_sample(directory: Path, rows: int = ROWS, seed: int = SEED) -> None:
    """Write `transactions.csv` and `CustomerImportance.csv`; the same arguments give the same bytes."""
    directory.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    people = _people(random)
    merchant_ids, categories = _merchants(random)
    merchant = _merchant_of_rows(random, rows)
    customer = _customer_of_rows(random, merchant, people.genders)
    category = categories[merchant]
    mean = np.array(list(CATEGORIES.values()))[category] * people.spending[customer]
    amount = np.round(random.gamma(2.0, mean / 2.0) + 0.01, 2)
    names = np.array(list(CATEGORIES))
    transactions = {
        "step": np.arange(rows) * STEPS // max(rows, 1),
        "customer": _quoted(people.ids, customer),
        "age": _quoted(people.ages, customer),
        "gender": _quoted(people.genders, customer),
        "zipcodeOri": _quoted(np.array(["28007"]), np.zeros(rows, np.int64)),
        "merchant": _quoted(merchant_ids, merchant),
        "zipMerchant": _quoted(np.array(["28007"]), np.zeros(rows, np.int64)),
        "category": _quoted(names, category),
        "amount": amount,
        "fraud": (random.random(rows) < FRAUD_SHARE).astype(np.int64),
    }
    _write(directory / "transactions.csv", transactions)
    pairs = np.unique(customer * MERCHANTS + merchant)
    importance = _importance(random, people.ids, merchant_ids, names, categories, pairs)
    _write(directory / "CustomerImportance.csv", importance)


def _people(random: np.random.Generator) -> _People:
    numbers = 10**8 + random.choice(19 * 10**8, CUSTOMERS, replace=False)
    counts = np.diff(np.round(np.cumsum([0.0, *GENDER_SHARES]) * CUSTOMERS).astype(int))
    genders = random.permutation(np.repeat(np.array(["F", "M", "E", "U"]), counts))
    return _People(
        ids=np.array([f"C{number}" for number in numbers]),
        genders=genders,
        ages=random.choice(np.array(list("0123456")), CUSTOMERS),
        spending=random.uniform(0.75, 1.35, CUSTOMERS),
    )


def _merchants(random: np.random.Generator) -> tuple[NDArray[Any], _Ints]:
    """Return the ids of the merchants, the two big ones first, and their categories."""
    others = 10**8 + random.choice(19 * 10**8, MERCHANTS - 2, replace=False)
    ids = np.array([*_BIG_MERCHANTS, *(f"M{number}" for number in others)])
    category = np.concatenate([[0, 0], 1 + np.arange(MERCHANTS - 2) % (len(CATEGORIES) - 1)])
    return ids, category.astype(np.int64)


def _merchant_of_rows(random: np.random.Generator, rows: int) -> _Ints:
    big = [round(rows * count / ROWS) for count in BIG_MERCHANT_ROWS]
    share = 1.0 / np.arange(1, MERCHANTS - 1) ** 0.8
    rest = random.multinomial(rows - sum(big), share / share.sum())
    merchant: _Ints = random.permutation(np.repeat(np.arange(MERCHANTS), [*big, *rest]))
    return merchant


def _customer_of_rows(random: np.random.Generator, merchant: _Ints, genders: NDArray[Any]) -> _Ints:
    """Return a customer for each row; some are far more active, and some merchants have mostly male customers."""
    activity = random.lognormal(0.0, 0.35, CUSTOMERS)
    # Odd merchants, including the second big one, have more male than female customers.
    prefers_men = np.where(genders == "M", 3.0, 1.0)
    customer = np.empty(len(merchant), np.int64)
    for at in range(MERCHANTS):
        here = np.flatnonzero(merchant == at)
        # All customers go to the big merchants, and some to each of the others.
        number = CUSTOMERS if at < len(_BIG_MERCHANTS) else 2600
        weight = activity * (prefers_men if at % 2 else 1.0)
        around = random.choice(CUSTOMERS, number, replace=False, p=weight / weight.sum())
        cumulated = np.cumsum(activity[around])
        customer[here] = around[np.searchsorted(cumulated, random.random(len(here)) * cumulated[-1])]
    return customer


def _importance(
    random: np.random.Generator,
    customers: NDArray[Any],
    merchants: NDArray[Any],
    names: NDArray[Any],
    categories: _Ints,
    pairs: _Ints,
) -> dict[str, Any]:
    """Return weights for 90% of the pairs, with a second one for some, and some in another category.

    Args:
        names: of the categories.
        categories: of the merchants.
        pairs: `customer * MERCHANTS + merchant` of each pair with a transaction.
    """
    chosen = pairs[random.random(len(pairs)) < 0.9]
    twice = chosen[random.random(len(chosen)) < 0.05]
    customer, merchant = np.divmod(np.concatenate([chosen, twice]), MERCHANTS)
    elsewhere = random.random(len(merchant)) < 0.03
    category = np.where(elsewhere, (categories[merchant] + 1) % len(names), categories[merchant])
    return {
        "Source": _quoted(customers, customer),
        "Target": _quoted(merchants, merchant),
        "Weight": np.round(random.gamma(2.0, 15.0, len(merchant)), 2),
        "typeTrans": _quoted(names, category),
        "fraud": (random.random(len(merchant)) < FRAUD_SHARE).astype(np.int64),
    }


def _quoted(values: NDArray[Any], index: NDArray[Any]) -> pa.Array:
    return pa.array([f"'{value}'" for value in values.tolist()]).take(pa.array(index))


def _write(path: Path, columns: dict[str, Any]) -> None:
    with path.open("wb") as out:
        out.write((",".join(columns) + "\n").encode())
        pc.write_csv(pa.table(columns), out, pc.WriteOptions(include_header=False, quoting_style="none"))
