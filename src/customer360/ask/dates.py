"""Dates in a question, relative to the newest day of the data: what each phrase means, as first and last day.

Rules (contract B4): "last 30 days" are the 30 days that end on the newest day; "last month" is the month before the one
that holds it; "this month" is that one so far; "in March" is the latest March that has begun; weeks start on Monday.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from dateutil.relativedelta import relativedelta
from pydantic import BaseModel, ConfigDict

from customer360.ask.words import Word, read_words

Unit = Literal["day", "week", "month", "quarter", "year"]
_MONTHS = {name.casefold(): n for n, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name.casefold(): n for n, name in enumerate(calendar.month_abbr) if name} | {"sept": 9}
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}
_MONTH = "(" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + ")"
_YEAR = r"((?:19|20)\d\d)"
_UNIT = r"(day|week|month|quarter|year)s?"
_UNTIL = r"(?:up to and including|until and including|until|till|up to|through|by the end of|up until)"
_IN = r"(?:(?:in|during|over|for|within|across|throughout|on|of|from) )?(?:the )?(?:whole |entire |full |calendar )?"
_ISO = r"(\d{4}-\d{1,2}-\d{1,2})"


class Window(BaseModel):
    """Days from ``start`` to ``end``, both included; open where one is missing.

    ``unit`` times ``count`` is its length.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: date | None = None
    end: date | None = None
    unit: Unit = "day"
    count: int = 1
    label: str
    rolling: bool = False
    ends: tuple[Window, Window] | None = None
    """The windows that a range was named by: Q1 and Q2 of "between Q1 and Q2"."""

    def moved(self, steps: int) -> Window:
        """Return the window so many of its own lengths later (earlier where negative)."""
        if self.start is None or self.end is None:
            return self
        if self.rolling:
            span = _span(self.unit, self.count * steps)
            start, end = self.start - timedelta(days=1) + span, self.end + span
            return _between(start + timedelta(days=1), end, self.unit, self.count, rolling=True)
        start = self.start + _span(self.unit, self.count * steps)
        return _between(start, start + _span(self.unit, self.count) - timedelta(days=1), self.unit, self.count)

    def in_year(self, year: int) -> Window:
        """Return the same days of another year."""
        years = relativedelta(years=year - self.start.year) if self.start else relativedelta()
        start, end = self.start and self.start + years, self.end and self.end + years
        return _between(start, end, self.unit, self.count)

    def year_before(self) -> Window:
        """Return the same days one year earlier."""
        year = relativedelta(years=1)
        start, end = self.start and self.start - year, self.end and self.end - year
        return _between(start, end, self.unit, self.count, rolling=self.rolling)


@dataclass(frozen=True)
class Found:
    """A window that words ``first`` to ``last`` (not included) name."""

    first: int
    last: int
    window: Window


def describe(start: date | None, end: date | None) -> str:
    """Return days in words: a month or a year by its name, else from one day to another."""
    if start is None or end is None:
        return f"until {end:%-d %B %Y}" if end else f"since {start:%-d %B %Y}" if start else "at any time"
    if start == end:
        return f"on {start:%-d %B %Y}"
    if start.day == 1 and end == start + relativedelta(months=1, days=-1):
        return f"in {start:%B %Y}"
    if (start.month, start.day, end) == (1, 1, date(start.year, 12, 31)):
        return f"in {start.year}"
    if start.day == 1 and start.month % 3 == 1 and end == start + relativedelta(months=3, days=-1):
        return f"in Q{start.month // 3 + 1} {start.year}"
    return f"from {start:%-d %B %Y} to {end:%-d %B %Y}"


def last_days(newest: date, count: int, before: int = 0) -> Window:
    """Return the last so many days, or those that end so many days before."""
    return _rolling("day", count, newest - timedelta(days=before))


def find_windows(words: Sequence[Word], anchor: date) -> list[Found]:
    """Return the windows that a question names, in order and without overlap; ``anchor`` is the newest day."""
    texts = [_in_a_date(words, place) for place in range(len(words))]
    line, starts = " ".join(texts), [0]
    for text in texts:
        starts.append(starts[-1] + len(text) + 1)
    found: list[Found] = []
    taken = [False] * len(words)
    for pattern, build in _RULES:
        for match in pattern.finditer(line):
            first = starts.index(match.start())
            last = next(place for place, start in enumerate(starts) if start > match.end())
            if any(taken[first:last]):
                continue
            try:
                window = build(match, anchor)
            except (ValueError, OverflowError):  # before the first year there is
                window = None
            if window is not None:
                taken[first:last] = [True] * (last - first)
                found.append(Found(first, last, window))
    return sorted(found, key=lambda one: one.first)


_FIRST = "1st"
_THAN = "than"


def _in_a_date(words: Sequence[Word], place: int) -> str:
    """Return a word as dates have it: the first of September is its 1st day, what differs from it begins no range."""
    if _is_first_of_month(words, place):
        return _FIRST
    is_differing = place > 0 and words[place].text == "from" and words[place - 1].text.startswith("differ")
    return _THAN if is_differing else words[place].text


def _is_first_of_month(words: Sequence[Word], place: int) -> bool:
    """Tell whether a word is the day in "the first of September"."""
    after = [word.text for word in words[place + 1 : place + 3]]
    return words[place].text == "first" and len(after) == 2 and after[0] == "of" and after[1] in _MONTHS


def grain_of(window: Window | None) -> Unit:
    """Return the grain in which a trend over a window reads well."""
    if window is None or window.start is None or window.end is None:
        return "month"
    days = (window.end - window.start).days + 1
    return "day" if days <= 31 else "week" if days <= 7 * 26 and window.unit in ("day", "week") else "month"


def _between(start: date | None, end: date | None, unit: Unit, count: int = 1, *, rolling: bool = False) -> Window:
    return Window(start=start, end=end, unit=unit, count=count, label=describe(start, end), rolling=rolling)


def _span(unit: Unit, count: int) -> relativedelta:
    if unit == "quarter":
        return relativedelta(months=3 * count)
    return {
        "day": relativedelta(days=count),
        "week": relativedelta(weeks=count),
        "month": relativedelta(months=count),
        "year": relativedelta(years=count),
    }[unit]


def start_of(unit: Unit, day: date) -> date:
    """Return the first day of the unit that holds a day."""
    if unit == "week":
        return day - timedelta(days=day.weekday())
    month = {"month": day.month, "quarter": 3 * ((day.month - 1) // 3) + 1, "year": 1}.get(unit, day.month)
    return day if unit == "day" else date(day.year, month, 1)


def _rolling(unit: Unit, count: int, anchor: date, offset: int = 0) -> Window:
    end = anchor - _span(unit, count * offset)
    start = end - _span(unit, count) + timedelta(days=1)
    return _between(start, end, unit, count, rolling=True)


def _calendar(unit: Unit, anchor: date, back: int, count: int = 1) -> Window:
    """Return ``count`` whole units, the first of them ``back`` before the one that holds the anchor."""
    start = start_of(unit, anchor) - _span(unit, back)
    return _between(start, start + _span(unit, count) - timedelta(days=1), unit, count)


def _so_far(unit: Unit, anchor: date) -> Window:
    return _between(start_of(unit, anchor), anchor, unit)


def _as_unit(text: str) -> Unit:
    units: dict[str, Unit] = {"day": "day", "week": "week", "month": "month", "quarter": "quarter", "year": "year"}
    return units[text]


def _month(number: int, year: int | None, anchor: date) -> Window:
    if year is None:
        year = anchor.year if number <= anchor.month else anchor.year - 1
    return _between(date(year, number, 1), date(year, number, 1) + relativedelta(months=1, days=-1), "month")


def _parts(number: int, size: int, year: int | None, anchor: date) -> Window:
    """Return a quarter (size 3) or a half (size 6) of a year; without a year the latest that has begun."""
    month = size * (number - 1) + 1
    if year is None:
        year = anchor.year if date(anchor.year, month, 1) <= anchor else anchor.year - 1
    start = date(year, month, 1)
    end = start + relativedelta(months=size, days=-1)
    return _between(start, end, "quarter", size // 3)


def _day(text: str) -> date | None:
    try:
        if "/" in text:
            month, day, year = (int(part) for part in text.split("/"))
            return date(year, month, day)
        return date(*(int(part) for part in text.split("-")))
    except ValueError:
        return None


def _named_day(month: str, day: str, year: str | None, anchor: date) -> date | None:
    try:
        found = date(int(year) if year else anchor.year, _MONTHS[month], int(re.sub(r"\D", "", day)))
    except ValueError:
        return None
    return found if year or found <= anchor else found - relativedelta(years=1)


_DAY = r"(\d{1,2}(?:st|nd|rd|th)?)"
_POINT = (
    rf"(?:{_ISO}|(\d{{1,2}}/\d{{1,2}}/\d{{4}})"
    rf"|{_MONTH} (\d{{1,2}}(?:st|nd|rd|th)?)(?: ?,? {_YEAR})?|(\d{{1,2}}(?:st|nd|rd|th)?)(?: "
    rf"of)? {_MONTH}(?: ,? ?{_YEAR})?"
    rf"|{_MONTH}(?: ,? ?{_YEAR})?|q([1-4])(?: (?:of )?{_YEAR})?|{_YEAR})"
)
_POINT_GROUPS = 13


def _point(groups: Sequence[str | None], anchor: date, year: int | None = None) -> Window | None:
    """Return the days that one end of a range names; ``year`` holds where the text gives none."""
    iso, slashed, month, day, year1, day2, month2, year2, month3, year3, quarter, year4, whole = groups
    given = year1 or year2 or year3 or year4 or (str(year) if year else None)
    if iso or slashed:
        found = _day(iso or slashed or "")
    elif month and day:
        found = _named_day(month, day, given, anchor)
    elif month2 and day2:
        found = _named_day(month2, day2, given, anchor)
    elif month3:
        return _month(_MONTHS[month3], int(given) if given else None, anchor)
    elif quarter:
        return _parts(int(quarter), 3, int(given) if given else None, anchor)
    else:
        return _calendar("year", date(int(whole or anchor.year), 1, 1), 0)
    return _between(found, found, "day") if found else None


def _has_year(groups: Sequence[str | None]) -> bool:
    return any(groups[place] for place in (0, 1, 4, 7, 9, 11, 12))


def _range(match: re.Match[str], anchor: date) -> Window | None:
    groups = match.groups()
    first, last = _ends(groups[:_POINT_GROUPS], groups[_POINT_GROUPS : 2 * _POINT_GROUPS], anchor)
    if first is None or last is None or first.start is None or last.end is None or first.start > last.end:
        return None
    if first.unit != "day" and last.unit != "day":
        length = (last.end.year - first.start.year) * 12 + last.end.month - first.start.month + 1
        window = _between(first.start, last.end, "month", length)
    else:
        window = _between(first.start, last.end, "day", (last.end - first.start).days + 1)
    return window.model_copy(update={"ends": (first, last)})


def _ends(left: Sequence[str | None], right: Sequence[str | None], anchor: date) -> tuple[Window | None, Window | None]:
    """Return both ends; a year that only one of them names holds for both."""
    if _has_year(left) and not _has_year(right):
        first = _point(left, anchor)
        return first, _point(right, anchor, first.start.year if first and first.start else None)
    last = _point(right, anchor)
    if _has_year(left) or last is None or last.start is None:
        return _point(left, anchor), last
    first = _point(left, anchor, last.start.year)
    if first and first.start and first.start > last.start:
        first = _point(left, anchor, last.start.year - 1)
    return first, last


def _since(match: re.Match[str], anchor: date) -> Window | None:
    point = _point(match.groups()[:_POINT_GROUPS], anchor)
    return _between(point.start, anchor, "day", (anchor - point.start).days + 1) if point and point.start else None


def _after(match: re.Match[str], anchor: date) -> Window | None:
    point = _point(match.groups()[:_POINT_GROUPS], anchor)
    return (
        Window(start=point.end + timedelta(days=1), label=f"after {point.end:%-d %B %Y}")
        if point and point.end
        else None
    )


def _before(match: re.Match[str], anchor: date) -> Window | None:
    point = _point(match.groups()[:_POINT_GROUPS], anchor)
    return (
        Window(end=point.start - timedelta(days=1), label=f"before {point.start:%-d %B %Y}")
        if point and point.start
        else None
    )


def _until(match: re.Match[str], anchor: date) -> Window | None:
    point = _point(match.groups()[:_POINT_GROUPS], anchor)
    return Window(end=point.end, label=f"until {point.end:%-d %B %Y}") if point and point.end else None


def _last_n(match: re.Match[str], anchor: date) -> Window | None:
    count, unit = int(float(match[1] or 1)), _as_unit(match[2])
    return _rolling(unit, count, anchor) if 0 < count <= 10_000 else None


def _full_n(match: re.Match[str], anchor: date) -> Window | None:
    count, unit = int(match[1]), _as_unit(match[2])
    return _calendar(unit, anchor, count, count) if 0 < count <= 1000 else None


def _as_many_before(match: re.Match[str], anchor: date) -> Window | None:
    """Return the 90 before the last 90 days, where days were named with the first number alone."""
    count = match[1] or match[2]
    named = re.search(rf"(?:last|past|previous) {count} {_UNIT}", match.string[: match.start()])
    return _rolling(_as_unit(named[1]), int(count), anchor, offset=1) if named else None


def _prior_n(match: re.Match[str], anchor: date) -> Window | None:
    return _rolling(_as_unit(match[2]), int(match[1]), anchor, offset=1)


def _days_of(match: re.Match[str], anchor: date) -> Window | None:
    month = _month(_MONTHS[match[3]], int(match[4]) if match[4] else None, anchor)
    count = int(match[2])
    if month.start is None or month.end is None or not 0 < count <= 31:
        return None
    if match[1] == "first":
        return _between(month.start, month.start + timedelta(days=count - 1), "day", count)
    return _between(month.end - timedelta(days=count - 1), month.end, "day", count)


def _half_of(match: re.Match[str], anchor: date) -> Window | None:
    """Return the first fifteen days of a month, or the rest of it."""
    month = _month(_MONTHS[match[2]], int(match[3]) if match[3] else None, anchor)
    if month.start is None or month.end is None:
        return None
    middle = month.start + timedelta(days=14)
    start, end = (month.start, middle) if match[1] in ("first", "1st") else (middle + timedelta(days=1), month.end)
    return _between(start, end, "day", (end - start).days + 1)


def _day_of(match: re.Match[str], anchor: date) -> Window | None:
    """Return the first day of a month, or the last."""
    month = _month(_MONTHS[match[2]], int(match[3]) if match[3] else None, anchor)
    day = month.start if match[1] == "first" else month.end
    return _between(day, day, "day")


def _week_in(match: re.Match[str], anchor: date) -> Window | None:
    """Return the first seven days of a month, or the last; a bracket behind it has to name the same."""
    month = _month(_MONTHS[match[2]], int(match[3]) if match[3] else None, anchor)
    if month.start is None or month.end is None:
        return None
    weeks = {"first": 0, "second": 1, "third": 2, "fourth": 3}
    week = timedelta(days=6)
    start = month.end - week if match[1] == "last" else month.start + timedelta(weeks=weeks[match[1]])
    said = [int(re.sub(r"\D", "", day)) for day in (match[4], match[5]) if day]
    return _between(start, start + week, "week") if said in ([], [start.day, (start + week).day]) else None


def _days_between(match: re.Match[str], anchor: date) -> Window | None:
    """Return the days from one to another of the same month: between the 10th and the 20th of May."""
    return _days_in(match[3], (match[1], match[2]), match[4], anchor)


def _days_in(month: str, days: tuple[str, str], year: str | None, anchor: date) -> Window | None:
    first, last = (_named_day(month, day, year, anchor) for day in days)
    return _between(first, last, "day", (last - first).days + 1) if first and last and first <= last else None


def _week_of(match: re.Match[str], anchor: date) -> Window | None:
    """Return the week that holds a day, or the seven days from it on where it was said to start then."""
    point = _point(match.groups()[1 : 1 + _POINT_GROUPS], anchor)
    if point is None or point.start is None or point.unit != "day":
        return None
    start = start_of("week", point.start) if match[1] == "of" else point.start
    return _between(start, start + timedelta(days=6), "week")


def _same_days(match: re.Match[str], anchor: date) -> Window | None:
    """Return as many days of the month before as this one has so far: to the same day of it."""
    unit = _as_unit(match[1])
    start = start_of(unit, anchor) - _span(unit, 1)
    return _between(start, anchor - _span(unit, 1), "day", (anchor - _span(unit, 1) - start).days + 1)


def _named_before(match: re.Match[str], anchor: date) -> Window | None:
    """Return the window that was named last before some words."""
    named = find_windows(read_words(match.string[: match.start()]), anchor)
    return named[-1].window if named else None


def _same_in_year(match: re.Match[str], anchor: date) -> Window | None:
    """Return the days that were named before, of another year."""
    named = _named_before(match, anchor)
    return named.in_year(int(match[1])) if named else None


def _that_unit(match: re.Match[str], anchor: date) -> Window | None:
    """Return the year, quarter or month that was named before, or that holds what was named."""
    named, unit = _named_before(match, anchor), _as_unit(match[1])
    if named is None or named.start is None or named.end is None or named.rolling:
        return None
    whole = _calendar(unit, named.start, 0)
    return whole if whole.end is not None and named.end <= whole.end else None


def _that_quarter(match: re.Match[str], anchor: date) -> Window | None:
    """Return the second quarter, after "in the third quarter of 2025 than in the second"."""
    named = _named_before(match, anchor)
    is_quarter = named is not None and named.unit == "quarter" and named.count == 1 and not named.rolling
    return _parts(_ORDINALS[match[1]], 3, named.start.year, anchor) if is_quarter and named and named.start else None


def _ago(match: re.Match[str], anchor: date) -> Window | None:
    count = int(match[1])
    return _calendar(_as_unit(match[2]), anchor, count) if match[2] != "day" else _calendar("day", anchor, count)


def _part_of_year(match: re.Match[str], anchor: date, size: int) -> Window:
    number = _ORDINALS.get(match[1]) or int(match[1])
    given = match[2] or match[3]
    year = None
    if given:
        year = anchor.year if given == "this" else anchor.year - 1 if given in ("last", "previous") else int(given)
    return _parts(number, size, year, anchor)


def _on_day(match: re.Match[str], _: date) -> Window | None:
    found = _day(match[1])
    return _between(found, found, "day") if found else None


_Build = Callable[[re.Match[str], date], Window | None]


def _rule(pattern: str, build: _Build) -> tuple[re.Pattern[str], _Build]:
    return re.compile(rf"(?<!\S)(?:{pattern})(?!\S)"), build


_OF_YEAR = rf"(?:(?: of| in)?(?: the)? {_YEAR}| (?:of )?(this|last|previous) year)?"
_RULES: tuple[tuple[re.Pattern[str], _Build], ...] = (
    _rule(rf"{_IN}{_YEAR} ?-? ?q([1-4])", lambda match, anchor: _parts(int(match[2]), 3, int(match[1]), anchor)),
    _rule(
        rf"{_IN}(?:between|from) (?:the )?{_POINT} (?:and|to|until|till|through|thru|-) (?:the )?(?:end "
        rf"of )?{_POINT}(?: included| inclusive)?",
        _range,
    ),
    _rule(rf"{_IN}{_POINT} (?:to|until|till|through|-) {_POINT}", _range),
    _rule(
        rf"{_IN}(?:between|from) (?:the )?{_DAY} (?:and|to|until|-) (?:the )?{_DAY}(?: of)? {_MONTH}(?: ,? ?{_YEAR})?",
        _days_between,
    ),
    _rule(
        rf"{_IN}{_MONTH} {_DAY} ?(?:-|to|through|until) ?{_DAY}(?: ,? ?{_YEAR})?",
        lambda match, anchor: _days_in(match[1], (match[2], match[3]), match[4], anchor),
    ),
    _rule(rf"{_IN}week (of|starting|beginning|commencing)(?: on| the)* {_POINT}", _week_of),
    _rule(
        rf"(?:(?<=develop )|(?<=developed )|(?<=evolve )|(?<=evolved )|(?<=trend )|(?<=change )|(?<=changed )"
        rf"|(?<=month )|(?<=quarter ))over {_YEAR}",
        lambda match, _: _calendar("year", date(int(match[1]), 1, 1), 0),
    ),
    _rule(
        rf"(?:since|starting from|starting in|starting|from|as of)(?: the)?(?: start of| beginning "
        rf"of)? {_POINT}(?: (?:on|onwards|onward|until now|to date|up to now|till now|to now))",
        _since,
    ),
    _rule(
        rf"(?:since|starting from|starting in|starting|as of)(?: the)?(?: start of| beginning of|"
        rf" end of)? {_POINT}",
        _since,
    ),
    _rule(rf"(?:(?:on |in )?or|(?:on|in) and) (?:after|later than) {_POINT}", _since),
    _rule(rf"(?:(?:on |in )?or|(?:on|in) and) (?:before|earlier than|prior to) {_POINT}", _until),
    _rule(rf"{_IN}{_POINT} (?:or|and) (?:later|onwards?)", _since),
    _rule(rf"{_IN}{_POINT} (?:or|and) earlier", _until),
    _rule(rf"(?:after|later than)(?: the)?(?: end of)? {_POINT}", _after),
    _rule(rf"(?:before|prior to|earlier than|older than)(?: the)?(?: start of| beginning of)? {_POINT}", _before),
    _rule(rf"through (?:the year )?{_YEAR}", lambda match, _: _calendar("year", date(int(match[1]), 1, 1), 0)),
    _rule(rf"{_UNTIL}(?: the)?(?: end of)? {_POINT}", _until),
    _rule(rf"{_IN}q([1-4]){_OF_YEAR}", lambda match, anchor: _part_of_year(match, anchor, 3)),
    _rule(
        rf"{_IN}(first|second|third|fourth|1st|2nd|3rd|4th) quarter{_OF_YEAR}",
        lambda match, anchor: _part_of_year(match, anchor, 3),
    ),
    _rule(
        rf"{_IN}(?:h([12]))()(?: (?:of )?{_YEAR})?",
        lambda match, anchor: _parts(int(match[1]), 6, int(match[3]) if match[3] else None, anchor),
    ),
    _rule(rf"{_IN}(first|second|1st|2nd) half of {_MONTH}(?: ,? ?{_YEAR})?", _half_of),
    _rule(rf"{_IN}(?:very )?(first|last) day (?:of|in) {_MONTH}(?: ,? ?{_YEAR})?", _day_of),
    _rule(rf"{_IN}(first|second|1st|2nd) half{_OF_YEAR}", lambda match, anchor: _part_of_year(match, anchor, 6)),
    _rule(
        rf"{_IN}{_MONTH} (?:of )?(this|last|previous) year",
        lambda match, anchor: _month(_MONTHS[match[1]], anchor.year - (match[2] != "this"), anchor),
    ),
    _rule(
        rf"{_IN}(?:last|past|previous|most recent|latest|preceding) (\d+) (?:full|complete|whole|"
        rf"calendar|completed) {_UNIT}",
        _full_n,
    ),
    _rule(rf"{_IN}(?:prior|preceding) (\d+) {_UNIT}", _prior_n),
    _rule(rf"{_IN}(\d+) {_UNIT} (?:before|earlier|prior)(?: that)?", _prior_n),
    _rule(rf"{_IN}(?:last|past|previous) half (?:a )?year", lambda _, anchor: _rolling("month", 6, anchor)),
    _rule(r"l(\d+)d", lambda match, anchor: _rolling("day", int(match[1]), anchor)),
    _rule(rf"{_IN}(first|last) (\d+) days of (?:{_MONTH})(?: ,? ?{_YEAR})?", _days_of),
    _rule(
        rf"{_IN}(first|second|third|fourth|last) week (?:of|in) {_MONTH}(?: ,? ?{_YEAR})?"
        rf"(?: \( (?:from )?{_DAY} (?:to|-|through) {_DAY} \))?",
        _week_in,
    ),
    _rule(rf"{_IN}(?:previous) (\d+) {_UNIT}", _last_n),
    _rule(rf"{_IN}(?:(?:prior|previous|preceding) (\d+)|(\d+) before(?: that)?)(?! \w)", _as_many_before),
    _rule(rf"{_IN}(?:last|past|most recent|latest|trailing|recent|these) (?:the )?(\d+) {_UNIT}", _last_n),
    _rule(rf"(\d+) {_UNIT} (?:to date)", _last_n),
    _rule(rf"{_IN}past {_UNIT}", lambda match, anchor: _rolling(_as_unit(match[1]), 1, anchor)),
    _rule(
        rf"{_IN}same (?:days|dates|part|time|period|stretch|point) (?:of|in) (?:the )?"
        r"(?:last|previous|prior) (month|quarter|year)",
        _same_days,
    ),
    _rule(rf"{_IN}same (?:days|dates|period|time|months?|quarters?|weeks?) (?:in|of) {_YEAR}", _same_in_year),
    _rule(rf"{_IN}(?:that|same|that same) (month|quarter|year)(?! (?:last|before|of|in|a)\b)", _that_unit),
    _rule(rf"(?<=than ){_IN}(first|second|third|fourth)(?: quarter)?(?! (?!please)\w)", _that_quarter),
    _rule(
        rf"{_IN}(?:last|previous|prior|preceding) {_UNIT}",
        lambda match, anchor: _calendar(_as_unit(match[1]), anchor, 1),
    ),
    _rule(
        rf"{_IN}(?:this|current) {_UNIT}(?: to date| so far)?",
        lambda match, anchor: _so_far(_as_unit(match[1]), anchor),
    ),
    _rule(r"(?:year to date|ytd|so far this year)", lambda _, anchor: _so_far("year", anchor)),
    _rule(r"(?:quarter to date|qtd|so far this quarter)", lambda _, anchor: _so_far("quarter", anchor)),
    _rule(r"(?:month to date|mtd|so far this month)", lambda _, anchor: _so_far("month", anchor)),
    _rule(r"(?:week to date|wtd|so far this week)", lambda _, anchor: _so_far("week", anchor)),
    _rule(
        rf"(?<!than )(?<!over )(?<!least )(?<!under )(?<!within ){_IN}"
        r"(?<!over )(?<!than )(?<!least )(?<!under )(?<!within )(\d+) (day|week|month|quarter|year)s? ago",
        _ago,
    ),
    _rule(
        rf"{_IN}(?:today|latest day|most recent day|last day|newest day|latest date)(?: of (?:the "
        rf")?data)?",
        lambda _, anchor: _calendar("day", anchor, 0),
    ),
    _rule(r"(?:on )?yesterday", lambda _, anchor: _calendar("day", anchor, 1)),
    _rule(rf"(?:in |during |over |for |within |on |of |from |the |throughout )*{_ISO}", _on_day),
    _rule(
        rf"{_IN}(\d{{1,2}}/\d{{1,2}}/\d{{4}})",
        lambda match, _: _between(_day(match[1]), _day(match[1]), "day") if _day(match[1]) else None,
    ),
    _rule(
        rf"{_IN}{_MONTH} (\d{{1,2}}(?:st|nd|rd|th)?)(?: ?,? {_YEAR})?",
        lambda match, anchor: _single(match[1], match[2], match[3], anchor),
    ),
    _rule(
        rf"{_IN}(\d{{1,2}}(?:st|nd|rd|th)?)(?: of)? {_MONTH}(?: ,? ?{_YEAR})?",
        lambda match, anchor: _single(match[2], match[1], match[3], anchor),
    ),
    _rule(
        rf"{_IN}(?:month of )?{_MONTH}(?: of| ,)? {_YEAR}",
        lambda match, anchor: _month(_MONTHS[match[1]], int(match[2]), anchor),
    ),
    _rule(
        rf"(?:in|during|for|over|of|throughout|from) (?:the )?(?:month of )?{_MONTH}",
        lambda match, anchor: _month(_MONTHS[match[1]], None, anchor),
    ),
    _rule(
        r"(january|february|april|june|july|august|september|october|november|december|sept|oct|nov|"
        r"dec|feb|aug)",
        lambda match, anchor: _month(_MONTHS[match[1]], None, anchor),
    ),
    _rule(
        rf"(?<!than )(?<!least )(?<!most )(?<!above )(?<!below )(?<!under )(?<!exactly )(?<!over "
        rf")(?:(?:in|during|for|of|throughout|from|the|year|calendar) )*{_YEAR}(?! (?:transaction|"
        rf"customer|purchase|point|client|time|order|dollar))",
        lambda match, _: _calendar("year", date(int(match[1]), 1, 1), 0),
    ),
)


def _single(month: str, day: str, year: str | None, anchor: date) -> Window | None:
    found = _named_day(month, day, year, anchor)
    return _between(found, found, "day") if found else None
