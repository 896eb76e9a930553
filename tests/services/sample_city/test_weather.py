"""Snow falls in winter, and heavily in the scenario."""

from datetime import date

import pytest

from services.sample_city.clock import DAY, HOUR, jst
from services.sample_city.weather import snowfall_24h_cm, snowfall_cm


@pytest.mark.parametrize("seed", range(1, 6))
def test_scenario_day_passes_the_alert_threshold(seed: int) -> None:
    start = jst(date(2026, 1, 15), 5)
    assert max(snowfall_24h_cm(seed, start + n * HOUR) for n in range(25)) >= 25


def test_it_snows_in_winter_only() -> None:
    july = [snowfall_cm(1, jst(date(2026, 7, 1)) + n * DAY) for n in range(31)]
    assert sum(july) == 0
    assert all(snowfall_cm(1, jst(date(2026, 1, 1)) + n * HOUR) >= 0 for n in range(24 * 31))
