"""The two models together: how often customers buy, and how much a purchase is worth."""

from __future__ import annotations

from dataclasses import dataclass

from customer360.value.bg_nbd import BgNbd, fit_bg_nbd
from customer360.value.fitting import CONFIDENCE, Estimate, Parameter
from customer360.value.gamma_gamma import GammaGamma, fit_gamma_gamma
from customer360.value.statistics import CustomerStatistics


@dataclass(frozen=True)
class ValueModel:
    """Both models as fitted to the same customers; they are independent of one another."""

    purchases: Estimate
    spend: Estimate
    confidence: float = CONFIDENCE

    @property
    def bg_nbd(self) -> BgNbd:
        return BgNbd(*self.purchases.values)

    @property
    def gamma_gamma(self) -> GammaGamma:
        return GammaGamma(*self.spend.values)

    @property
    def parameters(self) -> list[Parameter]:
        """The seven parameters: r, alpha, a, b, p, q, gamma."""
        return [*self.purchases.parameters(), *self.spend.parameters()]

    @property
    def warnings(self) -> list[str]:
        """What a reader has to know before trusting the predictions; usually nothing."""
        found = []
        if "a" in self.purchases.fixed:
            found.append(
                "These purchases show nobody leaving: a model without it fits as well (NBD), so everybody counts as "
                "alive, however long ago they last bought."
            )
        if "b" in self.purchases.fixed and "a" not in self.purchases.fixed:
            share = self.bg_nbd.a / (self.bg_nbd.a + self.bg_nbd.b)
            found.append(
                "These purchases do not show that customers differ in leaving: a model where all do so alike fits as "
                f"well, after {share:.3%} of their purchases. Of a and b only that share means something."
            )
        if "p" in self.spend.fixed:
            found.append(
                "Frequent and rare buyers vary alike around their means, so each customer's own mean is taken for what "
                "a purchase is worth. Of p and gamma only the product means something."
            )
        if self.mean_value is None:
            found.append("The mean value of a purchase is infinite in the model (q is at most 1): few spend very much.")
        return found

    @property
    def mean_value(self) -> float | None:
        """What a purchase of a customer of whom nothing is known is worth; none where the mean is infinite."""
        p, q, gamma = self.gamma_gamma
        return p * gamma / (q - 1) if q > 1 else None


def fit_value(statistics: CustomerStatistics) -> ValueModel:
    """Fit both models.

    Raises:
        NotIdentified: the purchases do not determine one of them.
    """
    return ValueModel(
        purchases=fit_bg_nbd(statistics.frequency, statistics.recency, statistics.age),
        spend=fit_gamma_gamma(statistics.value_frequency, statistics.mean_value),
    )
