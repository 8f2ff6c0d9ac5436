"""How likely a customer is to come back, and what that brings: the BG/NBD and the Gamma-Gamma model.

Fader, Hardie and Lee, "Counting Your Customers" the Easy Way (2005); Fader and Hardie, The Gamma-Gamma Model of
Monetary Value (2013). A store's parameters are fitted by maximum likelihood. NumPy and SciPy are imported where they
are used: workers need them, the web does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[np.float64]]

DAYS = 7
"""The models reckon in weeks."""
LEAST, LEAST_AGAIN = 50, 20
"""So many customers who have ordered, and who have ordered again, are needed for a fit."""
_WIDEST = 5.0
"""Parameters of times and amounts that are 1 on average lie within e to the power of so much, and its inverse."""
_NOWHERE = 1e12
_EXACTLY = {"xatol": 1e-7, "fatol": 1e-11, "maxiter": 4_000}


class NoModel(Exception):
    """What the customers did is not enough, or not of the kind, to fit a model to; the message says it."""


@dataclass(frozen=True)
class Orders:
    """BG/NBD: rates of ordering are spread as Gamma(r, alpha), the chance to leave after an order as Beta(a, b)."""

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, again: Numbers, recency: Numbers, age: Numbers) -> Numbers:
        """The probability of being active of customers who ordered on `again` more days after the first, the last time
        `recency` weeks after it, which is `age` weeks ago."""
        import numpy as np  # noqa: PLC0415

        return np.where(again > 0, 1 / (1 + self._odds_of_leaving(again, recency, age)), 1.0)

    def expected(self, weeks: float, again: Numbers, recency: Numbers, age: Numbers) -> Numbers:
        """How many orders (days with one) are to be expected of them in so many weeks from now."""
        import numpy as np  # noqa: PLC0415
        from scipy.special import hyp2f1  # noqa: PLC0415

        r, alpha, b = self.r, self.alpha, self.b
        a = self.a if abs(self.a - 1) > 1e-6 else 1 + 1e-6  # where it is 1, the formula divides by nothing
        share = weeks / (alpha + age + weeks)
        # By Euler's transformation: as it is printed, the series runs over for those who order often.
        series = hyp2f1(a + b - 1 - r, a - 1, a + b + again - 1, share)
        if_active = (a + b + again - 1) / (a - 1) * (1 - (1 - share) ** (a - 1) * series)
        left = np.where(again > 0, self._odds_of_leaving(again, recency, age), 0.0)
        return np.maximum(if_active / (1 + left), 0.0)

    def _odds_of_leaving(self, again: Numbers, recency: Numbers, age: Numbers) -> Numbers:
        import numpy as np  # noqa: PLC0415

        waited = (self.r + again) * np.log((self.alpha + age) / (self.alpha + recency))
        odds: Numbers = self.a / np.maximum(self.b + again - 1, 1e-9) * np.exp(np.minimum(waited, 700.0))
        return odds


@dataclass(frozen=True)
class Amounts:
    """Gamma-Gamma: what an order brings is spread as Gamma(p, v) for one customer, and v as Gamma(q, gamma)."""

    p: float
    q: float
    gamma: float

    def expected(self, orders: Numbers, mean: Numbers) -> Numbers:
        """What an order of customers is expected to bring who have paid `mean` on average of so many."""
        return self.p * (self.gamma + mean * orders) / (self.p * orders + self.q - 1)


@dataclass(frozen=True)
class Fitted:
    """What was fitted, and to how many customers."""

    model: Orders | Amounts
    customers: int
    log_likelihood: float

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self.model), "customers": self.customers, "log_likelihood": round(self.log_likelihood, 3)}


def fit_orders(again: Sequence[float], recency: Sequence[float], age: Sequence[float]) -> Fitted:
    """The BG/NBD model of these customers; times in weeks. Raises NoModel."""
    import numpy as np  # noqa: PLC0415
    from scipy.special import gammaln  # noqa: PLC0415

    rows = np.column_stack([np.asarray(values, dtype=float) for values in (again, recency, age)])
    if len(rows) < LEAST or np.count_nonzero(rows[:, 0]) < LEAST_AGAIN:
        raise NoModel(f"It needs {LEAST} customers who have ordered, {LEAST_AGAIN} of them on more days than one.")
    (x, t, age_now), weight = _gathered(rows)
    if np.ptp(rows[:, 2]) == 0 and np.ptp(rows[:, 0]) == 0:
        raise NoModel("All customers did the same.")
    scale = float(age_now.mean()) or 1.0

    def cost(logs: Numbers) -> float:
        r, alpha, a, b = np.exp(logs)
        rate = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        staying = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
        active = -(r + x) * np.log(alpha + age_now / scale)
        # Where nothing was ordered again, the second way to come to that does not count.
        left = np.log(a) - np.log(np.maximum(b + x - 1, 1e-9)) - (r + x) * np.log(alpha + t / scale)
        each = rate + staying + np.logaddexp(active, np.where(x > 0, left, -np.inf))
        return -float((weight * each).sum())

    logs, least = _least(cost, 4, len(rows))
    r, alpha, a, b = (float(value) for value in np.exp(logs))
    # The likelihood of the scaled times differs by what one order's density is scaled by.
    return Fitted(Orders(r, alpha * scale, a, b), len(rows), -least - float((weight * x).sum()) * float(np.log(scale)))


def fit_amounts(orders: Sequence[float], mean: Sequence[float]) -> Fitted:
    """The Gamma-Gamma model of customers who have paid `mean` on average of so many orders. Raises NoModel."""
    import numpy as np  # noqa: PLC0415
    from scipy.special import gammaln  # noqa: PLC0415

    rows = np.column_stack([np.asarray(values, dtype=float) for values in (orders, mean)])
    rows = rows[(rows[:, 0] > 0) & (rows[:, 1] > 0)]
    if len(rows) < LEAST:
        raise NoModel(f"It needs {LEAST} customers who have paid for an order in the store's currency.")
    if np.ptp(rows[:, 1]) == 0:
        raise NoModel("All orders brought the same.")
    (n, m), weight = _gathered(rows)
    scale = float(m.mean())
    m = m / scale

    def cost(logs: Numbers) -> float:
        p, q, gamma = np.exp(logs)
        shape = p * n
        each = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(gamma)
        each += (shape - 1) * np.log(m) + shape * np.log(n) - (shape + q) * np.log(gamma + m * n)
        return -float((weight * each).sum())

    logs, least = _least(cost, 3, len(rows))
    p, q, gamma = (float(value) for value in np.exp(logs))
    if q <= 1:
        raise NoModel("The amounts are spread so widely that they have no mean.")
    return Fitted(Amounts(p, q, gamma * scale), len(rows), -least - float(weight.sum()) * float(np.log(scale)))


def _gathered(rows: Numbers) -> tuple[Numbers, Numbers]:
    """The columns of the different rows, and how often there is each."""
    import numpy as np  # noqa: PLC0415

    different, counts = np.unique(rows, axis=0, return_counts=True)
    return different.T, counts.astype(float)


def _least(cost: Callable[[Numbers], float], parameters: int, customers: int) -> tuple[Numbers, float]:
    """Where the cost is least, by the logarithms of the parameters. Raises NoModel where that is nowhere."""
    import numpy as np  # noqa: PLC0415
    from scipy.optimize import minimize  # noqa: PLC0415

    def mean(logs: Numbers) -> float:
        with np.errstate(all="ignore"):
            value = cost(logs) / customers
        return value if np.isfinite(value) else _NOWHERE

    # Downhill by gradients from several places, then by the simplex from the best: the first is fast, the second exact.
    starts = (np.full(parameters, start) for start in (0.0, -1.0, 1.0))
    # Where customers hardly differ, the likelihood grows without end and by next to nothing: it ends at the bounds.
    bounds = [(-_WIDEST, _WIDEST)] * parameters
    rough = min((minimize(mean, start, method="L-BFGS-B", bounds=bounds) for start in starts), key=lambda one: one.fun)
    best = minimize(mean, rough.x, method="Nelder-Mead", bounds=bounds, options=_EXACTLY)
    if not np.all(np.isfinite(best.x)) or best.fun >= _NOWHERE:
        raise NoModel("What customers did follows no pattern that the model could tell.")
    return best.x, float(best.fun) * customers
