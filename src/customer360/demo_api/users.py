"""The users: number k is a function of the seed, k and the revision, so a million of them take no memory.

The first twelve are those of reqres.in and never messy. A revision stands for a day after the first: every twentieth
user changed on it, which is what a client that reads by ``updated_since`` has to find.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from customer360.demo_api.draws import Ints, key_of, shares_of, words_of

Record = dict[str, Any]

REQRES = (
    ("George", "Bluth"),
    ("Janet", "Weaver"),
    ("Emma", "Wong"),
    ("Eve", "Holt"),
    ("Charles", "Morris"),
    ("Tracey", "Ramos"),
    ("Michael", "Lawson"),
    ("Lindsay", "Ferguson"),
    ("Tobias", "Funke"),
    ("Byron", "Fields"),
    ("George", "Edwards"),
    ("Rachel", "Howell"),
)
FIRST_NAMES = """
Ada Ahmed Aisha Alice Amir Ana Andrés Anna Ben Björn Carla Chen Chloé Clara Daniel David Elena Emil Fatima
Felix Grace Hana Hugo Ines Isaac Ivan Jack Jana João José Julia Kai Karin Laila Lars Lea Leo Lina Luca Lucía
Maja Marc María Mia Mina Nadia Nils Noah Nora Olga Omar Paul Priya Rosa Sam Sara Sofia Tara Tom Uma Vera Yara
Yusuf Zoë
""".split()  # noqa: SIM905
LAST_NAMES = """
Ahmed Ali Andersson Bauer Becker Bianchi Brown Cohen Costa Davies Diaz Dubois Evans Fernández Fischer García
Garnier González Gruber Hansen Huber Ito Ivanova Jansen Johnson Jones Kaya Khan Kim Klein Kowalski Larsen Lee
Lefèvre López Martin Meyer Miller Moreau Müller Nguyen Nielsen Novák Okafor Olsen Park Patel Petrov Pérez
Rossi Roux Sato Schmidt Silva Singh Smith Suzuki Tanaka Taylor Torres Wagner Weber Williams Wilson
""".split()  # noqa: SIM905
DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com")
_PLAIN = str.maketrans("áãèéëíñóöú", "aaeeeinoou") | {ord("ü"): "ue"}

YEAR_START, YEAR_END = np.datetime64("2025-01-01T00:00:00"), np.datetime64("2026-01-01T00:00:00")
YEAR, DAY = 365 * 86400, 86400
CHANGED_ONE_IN = 20


def _slugs(names: list[str]) -> list[str]:
    return [name.lower().translate(_PLAIN) for name in names]


FIRST_SLUGS, LAST_SLUGS = _slugs(FIRST_NAMES), _slugs(LAST_NAMES)


class Users:
    """Users by number, from 1; ``messy`` is the share that came out wrong."""

    def __init__(self, *, seed: int, messy: float = 0, revision: int = 0) -> None:
        self.revision = revision
        self._messy = messy
        self._keys = {name: key_of(seed, name) for name in ("user", "updated", "messy", "kind")}
        self._seed = seed

    def records(self, numbers: Ints) -> list[Record]:
        """Return the users with these numbers, in their order."""
        made = self._plain(numbers)
        for at in np.flatnonzero(numbers <= len(REQRES)):
            made[at] |= _reqres(int(numbers[at]))
        for at in np.flatnonzero(self.is_messy(numbers)):
            made[at] = self._spoiled(int(numbers[at]), made[at])
        return made

    def is_messy(self, numbers: Ints) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Tell which of the users came out wrong."""
        if not self._messy:
            return np.zeros(len(numbers), dtype=np.bool_)
        return np.asarray((shares_of(self._keys["messy"], numbers) < self._messy) & (numbers > len(REQRES)))

    def updated(self, numbers: Ints) -> Ints:
        """Return when each user last changed, in seconds after ``YEAR_START``."""
        seconds = (words_of(self._keys["updated"], numbers) % np.uint64(YEAR)).astype(np.int64)
        changed = self._changed(numbers)
        return np.where(changed > 0, YEAR + (changed - 1) * DAY + seconds % DAY, seconds)

    def _changed(self, numbers: Ints) -> Ints:
        """Return the last revision in which each user changed; 0 for none."""
        last = np.zeros(len(numbers), dtype=np.int64)
        for revision in range(1, self.revision + 1):
            drawn = words_of(key_of(self._seed, "revision", revision), numbers) % np.uint64(CHANGED_ONE_IN)
            last[drawn == 0] = revision
        return last

    def _plain(self, numbers: Ints) -> list[Record]:
        words = words_of(self._keys["user"], numbers)
        first = (words % np.uint64(len(FIRST_NAMES))).tolist()
        last = (
            ((words >> np.uint64(8)) + self._changed(numbers).astype(np.uint64)) % np.uint64(len(LAST_NAMES))
        ).tolist()
        domain = ((words >> np.uint64(16)) % np.uint64(len(DOMAINS))).tolist()
        updated = np.datetime_as_string(YEAR_START + self.updated(numbers), unit="s", timezone="UTC").tolist()
        return [
            {
                "id": k,
                "email": f"{FIRST_SLUGS[f]}.{LAST_SLUGS[n]}{k}@{DOMAINS[d]}",
                "first_name": FIRST_NAMES[f],
                "last_name": LAST_NAMES[n],
                "avatar": f"https://reqres.in/img/faces/{k}-image.jpg",
                "updated_at": at,
            }
            for k, f, n, d, at in zip(numbers.tolist(), first, last, domain, updated, strict=True)
        ]

    def _spoiled(self, number: int, record: Record) -> Record:
        word = key_of(self._keys["kind"], number)
        return MESSES[word % len(MESSES)](record, word // len(MESSES))


def _reqres(number: int) -> Record:
    first, last = REQRES[number - 1]
    return {"email": f"{first}.{last}@reqres.in".lower(), "first_name": first, "last_name": last}


FIELDS = ("email", "first_name", "last_name", "avatar")


def _without_field(record: Record, word: int) -> Record:
    return {name: value for name, value in record.items() if name != FIELDS[word % len(FIELDS)]}


def _with_null(record: Record, word: int) -> Record:
    return record | {FIELDS[word % len(FIELDS)]: (None, "", "  ")[word // 4 % 3]}


def _with_bad_email(record: Record, word: int) -> Record:
    email = record["email"]
    bad = (email.replace("@", ""), f"{email}@", email.replace("@", " @ "), email.split("@")[0] + "@localhost", "n/a")
    return record | {"email": bad[word % len(bad)]}


def _with_wrong_type(record: Record, word: int) -> Record:
    wrong: tuple[Record, ...] = (
        {"id": str(record["id"])},
        {"first_name": word % 1000},
        {"last_name": [record["last_name"]]},
        {"email": {"address": record["email"]}},
        {"updated_at": 1_700_000_000 + word % DAY},
    )
    return record | wrong[word % len(wrong)]


def _with_unknown_field(record: Record, word: int) -> Record:
    unknown: tuple[Record, ...] = (
        {"meta": {"tags": ["vip"], "score": word % 9}},
        {"phone": f"+1-555-{word % 10_000:04}"},
    )
    return record | unknown[word % 2]


def _with_other_id(record: Record, word: int) -> Record:
    """Take the id of an earlier generated user, whose content is another."""
    earlier = record["id"] - len(REQRES) - 1
    return record | {"id": len(REQRES) + 1 + word % earlier} if earlier else _without_field(record, word)


MESSES: tuple[Callable[[Record, int], Record], ...] = (
    _without_field,
    _with_null,
    _with_bad_email,
    _with_wrong_type,
    _with_unknown_field,
    _with_other_id,
)
