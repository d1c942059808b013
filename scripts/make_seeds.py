"""Write the dbt seed of public holidays from the holidays library; run it when a country or a year is missing."""

from __future__ import annotations

import csv
from pathlib import Path

import holidays

CALENDARS = {
    "US": holidays.country_holidays("US", years=range(1990, 2041)),
    "GB": holidays.country_holidays("GB", subdiv="ENG", years=range(1990, 2041)),
}
SEED = Path(__file__).parents[1] / "transform" / "seeds" / "public_holidays.csv"


def rows() -> list[tuple[str, str, str]]:
    """Return (calendar, date, name) of every holiday, in order."""
    return [(code, day.isoformat(), name) for code, days in CALENDARS.items() for day, name in sorted(days.items())]


def main() -> None:
    with SEED.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("calendar", "holiday_date", "holiday_name"))
        writer.writerows(rows())


if __name__ == "__main__":
    main()
