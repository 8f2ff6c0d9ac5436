"""The models of who comes back, and what that brings: held to what was published of them, and to what they simulate."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from customers.metrics.lifetime import Amounts, NoModel, Orders, fit_amounts, fit_orders

CDNOW = Path(__file__).parent / "data" / "cdnow.csv"
PUBLISHED = Orders(0.243, 4.414, 0.793, 2.426)


@pytest.fixture(scope="module")
def cdnow() -> dict[str, list[float]]:
    rows = list(csv.DictReader(CDNOW.read_text().splitlines()))
    assert len(rows) == 2_357
    return {name: [float(row[name]) for row in rows] for name in ("x", "t_x", "T", "zbar")}


def test_the_published_parameters(cdnow: dict[str, list[float]]) -> None:
    """Fader, Hardie and Lee 2005, table 2."""
    fitted = fit_orders(cdnow["x"], cdnow["t_x"], cdnow["T"])
    assert isinstance(fitted.model, Orders)
    model = fitted.model
    assert [round(value, 3) for value in (model.r, model.alpha, model.a, model.b)] == [0.243, 4.414, 0.793, 2.426]
    assert fitted.log_likelihood == pytest.approx(-9582.4, abs=0.05)
    assert fitted.customers == 2_357


def test_the_published_expectation() -> None:
    """Fader, Hardie and Lee 2005 (the spreadsheet's customer 0001): 1.226 orders in 39 weeks."""
    one = [np.array([value]) for value in (2.0, 30.43, 38.86)]
    assert PUBLISHED.expected(39, *one)[0] == pytest.approx(1.226, abs=0.001)
    assert PUBLISHED.alive(*one)[0] == pytest.approx(0.7266, abs=0.001)


def test_the_published_amounts(cdnow: dict[str, list[float]]) -> None:
    """Fader and Hardie 2013: p 6.25, q 3.74, gamma 15.44, of the 946 who bought again."""
    again = [(x, mean) for x, mean in zip(cdnow["x"], cdnow["zbar"], strict=True) if x > 0]
    fitted = fit_amounts([x for x, _ in again], [mean for _, mean in again])
    assert fitted.customers == 946
    assert isinstance(fitted.model, Amounts)
    assert fitted.model.p == pytest.approx(6.25, abs=0.01)
    assert fitted.model.q == pytest.approx(3.74, abs=0.01)
    assert fitted.model.gamma == pytest.approx(15.44, abs=0.05)


def simulated(model: Orders, people: int, watched: float, ahead: float) -> tuple[np.ndarray, ...]:
    """Again, recency, and whether alive, of people who are watched so many weeks; and orders in the weeks after."""
    chance = np.random.default_rng(7)
    rate = chance.gamma(model.r, 1 / model.alpha, people)
    leave = chance.beta(model.a, model.b, people)
    again, last, later = np.zeros(people), np.zeros(people), np.zeros(people)
    clock, alive = np.zeros(people), np.ones(people, dtype=bool)
    alive_then = np.ones(people, dtype=bool)
    for _ in range(400):
        clock += chance.exponential(1 / rate)
        within, after = alive & (clock <= watched), alive & (clock > watched) & (clock <= watched + ahead)
        again[within] += 1
        last[within] = clock[within]
        later[after] += 1
        goes = alive & (clock <= watched + ahead) & (chance.random(people) < leave)
        alive_then &= ~(goes & (clock <= watched))
        alive &= ~goes & (clock <= watched + ahead)
    return again, last, alive_then, later


def test_what_is_expected_is_what_happens() -> None:
    model = Orders(0.8, 6.0, 0.9, 2.5)
    again, last, alive, later = simulated(model, 200_000, 40.0, 90 / 7)
    age = np.full(len(again), 40.0)
    expected, probability = model.expected(90 / 7, again, last, age), model.alive(again, last, age)
    for some in (again == 0, again == 1, (again > 1) & (last < 20), (again > 1) & (last > 35), again > 8):
        assert some.sum() > 1_000
        assert expected[some].mean() == pytest.approx(later[some].mean(), rel=0.05, abs=0.01)
        assert probability[some].mean() == pytest.approx(alive[some].mean(), rel=0.03)


def test_parameters_are_found_again() -> None:
    model = Orders(0.8, 6.0, 0.9, 2.5)
    again, last, _, _ = simulated(model, 20_000, 40.0, 1.0)
    found = fit_orders(again.tolist(), last.tolist(), [40.0] * len(again)).model
    assert isinstance(found, Orders)
    assert found.r / found.alpha == pytest.approx(0.8 / 6, rel=0.1)
    assert found.a / (found.a + found.b) == pytest.approx(0.9 / 3.4, rel=0.15)


def test_those_who_order_very_often_are_reckoned_too() -> None:
    far = [np.array([value]) for value in (900.0, 519.0, 520.0)]
    assert np.isfinite(PUBLISHED.expected(13, *far)).all()
    long_gone = [np.array([value]) for value in (900.0, 10.0, 520.0)]
    assert PUBLISHED.alive(*long_gone)[0] == pytest.approx(0)
    assert PUBLISHED.expected(13, *long_gone)[0] == pytest.approx(0)


@pytest.mark.parametrize(
    ("again", "recency", "age"),
    [
        ([], [], []),
        ([1.0] * 10, [1.0] * 10, [2.0] * 10),
        ([0.0] * 500, [0.0] * 500, [20.0] * 500),
        ([3.0] * 500, [9.0] * 500, [20.0] * 500),
    ],
)
def test_no_model_where_there_is_none(again: list[float], recency: list[float], age: list[float]) -> None:
    with pytest.raises(NoModel):
        fit_orders(again, recency, age)


def test_no_amounts_where_all_are_alike() -> None:
    with pytest.raises(NoModel, match="the same"):
        fit_amounts([2.0] * 100, [10.0] * 100)
    with pytest.raises(NoModel, match="It needs"):
        fit_amounts([2.0] * 10, [10.0, 11.0] * 5)


def test_the_web_does_without_the_library() -> None:
    program = (
        "import django; django.setup(); from django.urls import get_resolver; get_resolver().url_patterns; import sys; "
        "print(sorted(name for name in sys.modules if name.startswith('scipy')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
